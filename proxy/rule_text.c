#include "proxy/rule_text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "proxy/site_pattern.h"

// A line with its end, and the offset of what comes after blanks.
struct line {
  size_t start;
  size_t first;  // the first octet that counts
  size_t stop;   // behind the last octet before the line's end
  size_t end;    // behind the LF
};

struct text {
  const char *data;
  size_t len;
};

// Where the site's section is, in octets of the text.
struct place {
  bool has_section;
  struct line header;
  int header_number;  // of the line, from 1
  size_t section_end;
  bool has_mode;
  struct line mode;
  int mode_number;
  bool has_more;  // keys or comments besides
  int num_lines;  // of the text
};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static struct line line_at(struct text text, size_t start) {
  const char *newline = memchr(text.data + start, '\n', text.len - start);
  struct line line = {.start = start, .first = start};
  line.end = newline == NULL ? text.len : (size_t)(newline - text.data) + 1;
  line.stop = newline == NULL ? line.end : line.end - 1;
  if (line.stop > start && text.data[line.stop - 1] == '\r') {
    line.stop--;
  }
  if (start == 0 && line.stop >= 3 &&
      memcmp(text.data, "\xef\xbb\xbf", 3) == 0) {
    line.first += 3;  // the byte order mark of some editors
  }
  while (line.first < line.stop && is_blank(text.data[line.first])) {
    line.first++;
  }
  return line;
}

static bool is_header(struct text text, const struct line *line) {
  return line->first < line->stop && text.data[line->first] == '[';
}

// Whether the header `line` is `[site "PATTERN"]` for the host alone.
static bool is_for_host(struct text text, const struct line *line,
                        const char *host) {
  const char *at = text.data + line->first;
  size_t room = line->stop - line->first;
  const char *close = memchr(at, ']', room);
  const char *open = memchr(at, '"', room);
  char quoted[kSitePatternTextSize];
  struct site_pattern pattern;
  const char *why;
  if (close == NULL || open == NULL || close <= open + 1 || room < 5 ||
      memcmp(at, "[site", 5) != 0 || close[-1] != '"' ||
      (size_t)(close - open) - 2 >= sizeof(quoted)) {
    return false;
  }
  size_t len = (size_t)(close - open) - 2;
  memcpy(quoted, open + 1, len);
  quoted[len] = '\0';
  return site_pattern_parse(&pattern, quoted, &why) &&
         pattern.kind == SITE_EXACT && strcmp(pattern.host, host) == 0;
}

static bool is_mode(struct text text, const struct line *line) {
  const char *at = text.data + line->first;
  size_t room = line->stop - line->first;
  if (room < 5 || memcmp(at, "mode", 4) != 0) {
    return false;
  }
  size_t i = 4;
  while (i < room && is_blank(at[i])) {
    i++;
  }
  return i < room && (at[i] == '=' || at[i] == ':');
}

static void look_inside(struct place *place, struct text text,
                        const struct line *line, int number) {
  if (!place->has_mode && is_mode(text, line)) {
    place->has_mode = true;
    place->mode = *line;
    place->mode_number = number;
  } else if (line->first < line->stop) {
    place->has_more = true;
  }
}

static void find(struct place *out, struct text text, const char *host) {
  *out = (struct place){.has_section = false};
  bool inside = false;
  for (size_t at = 0; at < text.len;) {
    struct line line = line_at(text, at);
    int number = ++out->num_lines;
    bool begins = is_header(text, &line);
    if (inside && begins) {
      inside = false;
    }
    if (begins && !out->has_section && is_for_host(text, &line, host)) {
      inside = true;
      out->has_section = true;
      out->header = line;
      out->header_number = number;
    } else if (inside) {
      look_inside(out, text, &line, number);
    }
    if (inside) {
      out->section_end = line.end;
    }
    at = line.end;
  }
}

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

static void append_range(struct bytes *out, struct text text, size_t from,
                         size_t to) {
  if (to > from) {
    bytes_append(out, text.data + from, to - from);
  }
}

// The end of line that the text uses, as the first of its lines has it.
static const char *line_end(struct text text) {
  const char *newline = memchr(text.data, '\n', text.len);
  return newline != NULL && newline > text.data && newline[-1] == '\r' ? "\r\n"
                                                                       : "\n";
}

// Writes `mode` in place of the value, and keeps a comment behind it.
static int replace_value(struct bytes *out, struct text text,
                         const struct place *place, const char *mode) {
  const struct line *line = &place->mode;
  size_t from = line->first + 4;
  from += strcspn(text.data + from, "=:") + 1;
  while (from < line->stop && is_blank(text.data[from])) {
    from++;
  }
  size_t to = from;
  while (to < line->stop && !is_blank(text.data[to])) {
    to++;
  }
  append_range(out, text, 0, from);
  append(out, mode);
  append_range(out, text, to, text.len);
  return place->mode_number;
}

static int insert_line(struct bytes *out, struct text text,
                       const struct place *place, const char *mode) {
  append_range(out, text, 0, place->header.end);
  if (place->header.stop == place->header.end) {  // the last line, unended
    append(out, line_end(text));
  }
  append(out, "mode = ");
  append(out, mode);
  append(out, line_end(text));
  append_range(out, text, place->header.end, text.len);
  return place->header_number + 1;
}

static int append_section(struct bytes *out, struct text text,
                          const struct place *place, const char *host,
                          const char *mode) {
  const char *end = line_end(text);
  int number = place->num_lines + 2;
  append_range(out, text, 0, text.len);
  if (text.len > 0 && text.data[text.len - 1] != '\n') {
    append(out, end);
  }
  if (text.len > 0) {
    append(out, end);
    number++;
  }
  append(out, "[site \"");
  append(out, host);
  append(out, "\"]");
  append(out, end);
  append(out, "mode = ");
  append(out, mode);
  append(out, end);
  return number;
}

// Takes the section out with the empty lines behind it, or, at the text's end,
// the one in front of it: what append_section added goes as a whole.
static void drop_section(struct bytes *out, struct text text,
                         const struct place *place) {
  size_t to = place->header.start;
  if (place->section_end == text.len && to >= 2 && text.data[to - 1] == '\n') {
    size_t before = to - 1;
    before -= text.data[before - 1] == '\r' ? 1 : 0;
    if (before > 0 && text.data[before - 1] == '\n') {
      to = before;
    }
  }
  // A byte order mark stays.
  append_range(out, text, 0,
               place->header.start == 0 ? place->header.first : to);
  append_range(out, text, place->section_end, text.len);
}

static int take_out(struct bytes *out, struct text text,
                    const struct place *place) {
  if (!place->has_mode) {
    append_range(out, text, 0, text.len);
  } else if (place->has_more) {
    append_range(out, text, 0, place->mode.start);
    append_range(out, text, place->mode.end, text.len);
  } else {
    drop_section(out, text, place);
  }
  return 0;
}

int rule_text_set(struct bytes *out, const char *data, size_t len,
                  const char *host, const char *mode) {
  struct text text = {data, len};
  struct place place;
  find(&place, text, host);
  if (mode == NULL) {
    return take_out(out, text, &place);
  }
  return place.has_mode      ? replace_value(out, text, &place, mode)
         : place.has_section ? insert_line(out, text, &place, mode)
                             : append_section(out, text, &place, host, mode);
}
