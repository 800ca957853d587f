#include "proxy/event_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The value of a field, when `line` has it: what is behind the colon and one
// blank.
static const char *value_of(const char *line, const char *field) {
  size_t len = strlen(field);
  if (strncmp(line, field, len) != 0 || line[len] != ':') {
    return NULL;
  }
  return line + len + (line[len + 1] == ' ' ? 2 : 1);
}

static bool add_data(struct event_reader *reader, const char *value) {
  size_t len = strlen(value);
  if (reader->data.len + len + 1 > kEventDataMax) {
    return false;
  }
  if (reader->data.len > 0) {
    bytes_append(&reader->data, "\n", 1);
  }
  bytes_append(&reader->data, value, len);
  return true;
}

static void end_event(struct event_reader *reader, event_reader_cb *on_event,
                      void *owner) {
  if (reader->data.len > 0) {
    size_t len = reader->data.len;
    bytes_append(&reader->data, "", 1);
    on_event(owner, reader->name, (const char *)reader->data.data, len);
  }
  reader->data.len = 0;
  reader->name[0] = '\0';
}

static bool take_line(struct event_reader *reader, const char *line,
                      event_reader_cb *on_event, void *owner) {
  const char *value;
  if (line[0] == '\0') {
    end_event(reader, on_event, owner);
  } else if ((value = value_of(line, "event")) != NULL) {
    snprintf(reader->name, sizeof(reader->name), "%s", value);
  } else if ((value = value_of(line, "data")) != NULL) {
    return add_data(reader, value);
  }
  return true;
}

bool event_reader_feed(struct event_reader *reader, const uint8_t *data,
                       size_t len, event_reader_cb *on_event, void *owner) {
  while (len > 0) {
    const uint8_t *newline = memchr(data, '\n', len);
    size_t part = newline != NULL ? (size_t)(newline - data) : len;
    if (reader->line.len + part > kEventDataMax) {
      return false;
    }
    bytes_append(&reader->line, data, part);
    if (newline == NULL) {
      return true;
    }
    bytes_append(&reader->line, "", 1);
    reader->line.len = 0;
    char *line = (char *)reader->line.data;
    line[strcspn(line, "\r")] = '\0';
    if (!take_line(reader, line, on_event, owner)) {
      return false;
    }
    data += part + 1;
    len -= part + 1;
  }
  return true;
}

void event_reader_cleanup(struct event_reader *reader) {
  free(reader->line.data);
  free(reader->data.data);
  memset(reader, 0, sizeof(*reader));
}
