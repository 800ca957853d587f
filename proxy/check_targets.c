#include "proxy/check_targets.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

enum {
  kDefaultPort = 443,
  kLineSize = 512,  // of a host, a port, blanks and a remark
  kFirstRoom = 16,
};

static bool is_power_of_two(size_t n) { return (n & (n - 1)) == 0; }

static void append(struct check_targets *targets,
                   const struct authority *target) {
  size_t num = targets->num;
  if (num == 0 || (num >= kFirstRoom && is_power_of_two(num))) {
    size_t room = num == 0 ? kFirstRoom : 2 * num;
    targets->items = xrealloc(targets->items, room * sizeof(*targets->items));
  }
  targets->items[targets->num++] = *target;
  targets->is_list = targets->is_list || targets->num > 1;
}

const char *check_targets_add(struct check_targets *targets, const char *text) {
  struct authority target;
  size_t len = strlen(text);
  if (targets->num == kCheckMaxTargets) {
    return "there can be at most 10000 hosts at a time";
  }
  if (strchr(text, '/') != NULL) {
    return "give HOST or HOST:PORT, not a URL";
  }
  if (!authority_from_text(&target, text, len) &&
      !authority_from_host(&target, text, len)) {
    return "not a host name or IP address with a port from 1 to 65535 (names "
           "in other scripts are written in their xn-- form)";
  }
  if (target.port == 0) {
    target.port = kDefaultPort;
  }
  append(targets, &target);
  return NULL;
}

// Takes blanks and a remark away from a line. Where it begins is returned.
static char *strip(char *line) {
  line[strcspn(line, "#\r\n")] = '\0';
  line += strspn(line, " \t");
  for (size_t len = strlen(line);
       len > 0 && isspace((unsigned char)line[len - 1]); len--) {
    line[len - 1] = '\0';
  }
  return line;
}

// What is wrong with a line as fgets read it, or NULL.
static const char *add_line(struct check_targets *targets, char *line,
                            char **out_host) {
  *out_host = "";
  if (strlen(line) == kLineSize - 1 && line[kLineSize - 2] != '\n') {
    return "the line is too long for a host";
  }
  *out_host = strip(line);
  return **out_host == '\0' ? NULL : check_targets_add(targets, *out_host);
}

bool check_targets_read(struct check_targets *targets, FILE *in,
                        char *out_error, size_t size) {
  char line[kLineSize];
  targets->is_list = true;
  for (size_t number = 1; fgets(line, sizeof(line), in) != NULL; number++) {
    char *host;
    const char *why = add_line(targets, line, &host);
    if (why != NULL) {
      snprintf(out_error, size, "standard input, line %zu: %s%s%s", number,
               host, host[0] != '\0' ? ": " : "", why);
      return false;
    }
  }
  if (ferror(in)) {
    snprintf(out_error, size, "standard input cannot be read");
    return false;
  }
  return true;
}

void check_targets_cleanup(struct check_targets *targets) {
  free(targets->items);
  *targets = (struct check_targets){.items = NULL};
}
