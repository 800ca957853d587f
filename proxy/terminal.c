#include "proxy/terminal.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { kDefaultColumns = 80, kDefaultRows = 24 };

static bool is_set(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0';
}

bool terminal_is(int fd) {
  return is_set("TERM") && strcmp(getenv("TERM"), "dumb") != 0 && isatty(fd);
}

bool terminal_has_colour(int fd) {
  return !is_set("NO_COLOR") && terminal_is(fd);
}

const char *terminal_style(bool colour, enum terminal_style style) {
  static const char *const kSequences[] = {
      [TERMINAL_PLAIN] = "\x1b[0m", [TERMINAL_GOOD] = "\x1b[32m",
      [TERMINAL_WARN] = "\x1b[33m", [TERMINAL_BAD] = "\x1b[31m",
      [TERMINAL_FAINT] = "\x1b[2m", [TERMINAL_STRONG] = "\x1b[1m",
  };
  return colour ? kSequences[style] : "";
}

void terminal_size(int fd, unsigned *out_columns, unsigned *out_rows) {
  struct winsize size = {0, 0, 0, 0};
  bool told = ioctl(fd, TIOCGWINSZ, &size) == 0;
  *out_columns = told && size.ws_col > 0 ? size.ws_col : kDefaultColumns;
  *out_rows = told && size.ws_row > 0 ? size.ws_row : kDefaultRows;
}

// Octets that the character at `text` has and what it is; 0 for what is no
// UTF-8 (RFC 3629).
static size_t read_character(const char *text, uint32_t *out_code) {
  static const uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  uint8_t first = (uint8_t)text[0];
  size_t len = first < 0x80   ? 1
               : first < 0xc0 ? 0
               : first < 0xe0 ? 2
               : first < 0xf0 ? 3
               : first < 0xf8 ? 4
                              : 0;
  uint32_t code = len < 2 ? first : first & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if (((uint8_t)text[i] & 0xc0) != 0x80) {
      return 0;
    }
    code = code << 6 | ((uint8_t)text[i] & 0x3f);
  }
  *out_code = code;
  return len == 0 || code < kLeast[len] || code > 0x10ffff ? 0 : len;
}

static bool drives(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) ||  // C0, DEL and C1
         (code >= 0x200b && code <= 0x200f) ||            // no width, direction
         (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

char *terminal_copy(char *out, size_t size, const char *text) {
  size_t used = 0;
  while (*text != '\0') {
    uint32_t code = 0;
    size_t len = read_character(text, &code);
    bool is_good = len > 0 && !drives(code);
    size_t written = is_good ? len : 1;
    if (written >= size - used) {
      break;
    }
    memcpy(out + used, is_good ? text : "?", written);
    used += written;
    text += len > 0 ? len : 1;
  }
  out[used] = '\0';
  return out;
}

static bool begins_character(char octet) {
  return ((uint8_t)octet & 0xc0) != 0x80;
}

size_t terminal_columns(const char *text) {
  size_t num = 0;
  for (; *text != '\0'; text++) {
    num += begins_character(*text);
  }
  return num;
}

void terminal_cut(char *text, size_t columns) {
  char *last = text;
  size_t num = 0;
  for (char *at = text; *at != '\0'; at++) {
    if (!begins_character(*at)) {
      continue;
    }
    if (num == columns) {
      strcpy(last, columns > 0 ? "~" : "");
      return;
    }
    last = at;
    num++;
  }
}
