#include "proxy/http_head.h"

#include <string.h>
#include <strings.h>

#include "proxy/authority.h"

const char *http_head_status_str(enum http_head_status status) {
  static const char *const kTexts[] = {
#define X(name, code, text) text,
      HTTP_HEAD_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

int http_head_status_code(enum http_head_status status) {
  static const int kCodes[] = {
#define X(name, code, text) code,
      HTTP_HEAD_STATUSES(X)
#undef X
  };
  return kCodes[status];
}

bool http_text_is(struct http_text text, const char *other) {
  return text.len == strlen(other) &&
         strncasecmp(text.data, other, text.len) == 0;
}

const struct http_field *http_head_get(const struct http_head *head,
                                       const char *name) {
  for (size_t i = 0; i < head->num_fields; i++) {
    if (http_text_is(head->fields[i].name, name)) {
      return &head->fields[i];
    }
  }
  return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static struct http_text trim(struct http_text text) {
  while (text.len > 0 && is_blank(text.data[0])) {
    text.data++;
    text.len--;
  }
  while (text.len > 0 && is_blank(text.data[text.len - 1])) {
    text.len--;
  }
  return text;
}

// Takes what stands before the next `c`, and `c`, off `text`.
static bool split(struct http_text *text, char c, struct http_text *out) {
  const char *at = memchr(text->data, c, text->len);
  if (at == NULL) {
    return false;
  }
  out->data = text->data;
  out->len = (size_t)(at - text->data);
  text->data = at + 1;
  text->len -= out->len + 1;
  return true;
}

bool http_list_next(struct http_text *io_list, struct http_text *out) {
  while (io_list->len > 0) {
    struct http_text member;
    if (!split(io_list, ',', &member)) {
      member = *io_list;
      io_list->len = 0;
    }
    member = trim(member);
    if (member.len > 0) {
      *out = member;
      return true;
    }
  }
  return false;
}

// RFC 9110, section 5.6.2.
static bool is_token(struct http_text text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    bool is_alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (c == '\0' ||
        (!is_alpha && !is_digit(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
      return false;
    }
  }
  return text.len > 0;
}

static bool is_target(struct http_text text) {
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] <= ' ' || text.data[i] > '~') {
      return false;
    }
  }
  return text.len > 0;
}

// Reads HTTP/D.D, which later minor versions of HTTP/1 count as 1.1.
static enum http_head_status read_version(struct http_head *out,
                                          struct http_text text) {
  if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 ||
      !is_digit(text.data[5]) || text.data[6] != '.' ||
      !is_digit(text.data[7])) {
    return HTTP_HEAD_BAD_LINE;
  }
  out->minor_version = text.data[7] == '0' ? 0 : 1;
  return text.data[5] == '1' ? HTTP_HEAD_OK : HTTP_HEAD_BAD_VERSION;
}

static enum http_head_status read_request_line(struct http_head *out,
                                               struct http_text line) {
  if (!split(&line, ' ', &out->method) || !is_token(out->method) ||
      !split(&line, ' ', &out->target) || !is_target(out->target)) {
    return HTTP_HEAD_BAD_LINE;
  }
  return read_version(out, line);
}

static enum http_head_status read_status_line(struct http_head *out,
                                              struct http_text line) {
  struct http_text version;
  if (!split(&line, ' ', &version)) {
    return HTTP_HEAD_BAD_LINE;
  }
  enum http_head_status status = read_version(out, version);
  if (status != HTTP_HEAD_OK) {
    return status;
  }
  // The space after the code is often missing with the reason.
  if (line.len < 3 || (line.len > 3 && line.data[3] != ' ') ||
      line.data[0] < '1' || !is_digit(line.data[0]) ||
      !is_digit(line.data[1]) || !is_digit(line.data[2])) {
    return HTTP_HEAD_BAD_LINE;
  }
  out->status = (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 +
                (line.data[2] - '0');
  size_t skip = line.len > 3 ? 4 : 3;
  out->reason = (struct http_text){line.data + skip, line.len - skip};
  return HTTP_HEAD_OK;
}

static enum http_head_status read_first_line(struct http_head *out,
                                             bool is_response,
                                             struct http_text line) {
  return is_response ? read_status_line(out, line)
                     : read_request_line(out, line);
}

static enum http_head_status read_field(struct http_head *out, bool is_response,
                                        struct http_text line) {
  if (is_blank(line.data[0])) {
    return HTTP_HEAD_FOLDED_FIELD;  // RFC 9112, section 5.2
  }
  if (out->num_fields == kHttpMaxFields) {
    return HTTP_HEAD_TOO_MANY_FIELDS;
  }
  struct http_field *field = &out->fields[out->num_fields];
  if (!split(&line, ':', &field->name)) {
    return HTTP_HEAD_BAD_FIELD;
  }
  if (is_response) {
    field->name = trim(field->name);  // RFC 9112, section 5.1
  }
  if (!is_token(field->name)) {
    return HTTP_HEAD_BAD_FIELD;
  }
  field->value = trim(line);
  out->num_fields++;
  return HTTP_HEAD_OK;
}

// Reads the line that starts at `start` and ends with the LF at `end`.
static struct http_text line_at(const uint8_t *data, size_t start, size_t end) {
  if (end > start && data[end - 1] == '\r') {
    end--;
  }
  return (struct http_text){(const char *)data + start, end - start};
}

// Looks at the line whose LF has just come. HTTP_HEAD_OK: it was the empty one
// at the head's end.
static enum http_head_status scan_line(struct http_scan *scan,
                                       const uint8_t *data, bool is_response,
                                       struct http_head *scratch) {
  struct http_text line = line_at(data, scan->line_start, scan->pos);
  bool is_first = !scan->past_first_line;
  bool leads = scan->line_start == 0;
  bool has_cr = line.len < scan->pos - scan->line_start;
  scan->line_start = scan->pos + 1;
  if (!is_response && !has_cr) {
    return HTTP_HEAD_BAD_BYTE;
  }
  if (!is_first) {
    return line.len == 0 ? HTTP_HEAD_OK : HTTP_HEAD_INCOMPLETE;
  }
  if (line.len == 0) {
    // One empty line before a request is overlooked (RFC 9112, section 2.2).
    return leads && !is_response ? HTTP_HEAD_INCOMPLETE : HTTP_HEAD_BAD_LINE;
  }
  scan->past_first_line = true;
  // Who speaks another protocol learns so now, not after the deadline.
  enum http_head_status status = read_first_line(scratch, is_response, line);
  return status == HTTP_HEAD_OK ? HTTP_HEAD_INCOMPLETE : status;
}

// Finds the end of the head: with HTTP_HEAD_OK, scan->pos is the LF there.
static enum http_head_status scan_head(struct http_scan *scan,
                                       const uint8_t *data, size_t len,
                                       bool is_response,
                                       struct http_head *scratch) {
  size_t max = is_response ? kHttpResponseHeadMax : kHttpRequestHeadMax;
  for (; scan->pos < len && scan->pos < max; scan->pos++) {
    uint8_t c = data[scan->pos];
    if (c == '\n') {
      enum http_head_status status =
          scan_line(scan, data, is_response, scratch);
      if (status != HTTP_HEAD_INCOMPLETE) {
        return status;
      }
      continue;
    }
    bool after_cr = scan->pos > 0 && data[scan->pos - 1] == '\r';
    bool is_control = (c < ' ' && c != '\t' && c != '\r') || c == 0x7f;
    if (after_cr || is_control) {
      return HTTP_HEAD_BAD_BYTE;
    }
  }
  if (scan->pos < max) {
    return HTTP_HEAD_INCOMPLETE;
  }
  return scan->past_first_line ? HTTP_HEAD_TOO_LONG : HTTP_HEAD_LINE_TOO_LONG;
}

static enum http_head_status read_head(struct http_head *out,
                                       struct http_scan *scan,
                                       const uint8_t *data, size_t len,
                                       bool is_response) {
  // The arrays of fields are big and need not be zero.
  memset(out, 0, offsetof(struct http_head, fields));
  memset((uint8_t *)out + offsetof(struct http_head, num_fields), 0,
         sizeof(*out) - offsetof(struct http_head, num_fields));
  enum http_head_status status = scan_head(scan, data, len, is_response, out);
  if (status != HTTP_HEAD_OK) {
    return status;
  }
  out->len = scan->pos + 1;
  bool is_first = true;
  size_t start = 0;
  for (size_t i = 0; i < out->len && status == HTTP_HEAD_OK; i++) {
    if (data[i] != '\n') {
      continue;
    }
    struct http_text line = line_at(data, start, i);
    start = i + 1;
    if (line.len > 0) {
      status = is_first ? read_first_line(out, is_response, line)
                        : read_field(out, is_response, line);
      is_first = false;
    }
  }
  return status;
}

static bool read_number(uint64_t *out, struct http_text text) {
  if (text.len == 0 || text.len > 19) {
    return false;  // 19 digits always fit
  }
  uint64_t number = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.data[i])) {
      return false;
    }
    number = number * 10 + (uint64_t)(text.data[i] - '0');
  }
  *out = number;
  return true;
}

// Reads Content-Length; the same number more than once counts as once (RFC
// 9112, section 6.3), and only one is passed on.
static bool read_length(struct http_head *head) {
  for (size_t i = 0; i < head->num_fields; i++) {
    if (!http_text_is(head->fields[i].name, "Content-Length")) {
      continue;
    }
    struct http_text list = head->fields[i].value;
    struct http_text member;
    size_t num_members = 0;
    while (http_list_next(&list, &member)) {
      uint64_t length;
      if (!read_number(&length, member) ||
          (head->has_length && length != head->length)) {
        return false;
      }
      head->length = length;
      head->has_length = true;
      num_members++;
    }
    if (num_members == 0) {
      return false;
    }
  }
  return true;
}

// Says whether there is a Transfer-Encoding, and whether it is just 'chunked'.
static bool read_coding(const struct http_head *head, bool *out_is_chunked) {
  size_t num_fields = 0;
  bool is_chunked = false;
  for (size_t i = 0; i < head->num_fields; i++) {
    if (http_text_is(head->fields[i].name, "Transfer-Encoding")) {
      num_fields++;
      is_chunked = http_text_is(head->fields[i].value, "chunked");
    }
  }
  *out_is_chunked = num_fields == 1 && is_chunked;
  return num_fields > 0;
}

static enum http_head_status read_framing(struct http_head *head,
                                          bool is_response, bool has_no_body) {
  if (!read_length(head)) {
    return HTTP_HEAD_BAD_LENGTH;
  }
  bool is_chunked;
  if (has_no_body) {
    head->framing = HTTP_BODY_NONE;
    return HTTP_HEAD_OK;
  }
  if (!read_coding(head, &is_chunked)) {
    head->framing = head->has_length ? HTTP_BODY_LENGTH
                    : is_response    ? HTTP_BODY_UNTIL_CLOSE
                                     : HTTP_BODY_NONE;
    return HTTP_HEAD_OK;
  }
  if (head->minor_version == 0) {
    return HTTP_HEAD_CODING_IN_1_0;  // RFC 9112, section 6.1
  }
  if (!is_chunked) {
    return HTTP_HEAD_BAD_CODING;
  }
  if (head->has_length && !is_response) {
    return HTTP_HEAD_LENGTH_AND_CODING;
  }
  head->framing = HTTP_BODY_CHUNKED;
  return HTTP_HEAD_OK;
}

// RFC 9112, section 3.2: one Host, and in HTTP/1.1 not none. It may be empty.
static bool host_is_good(const struct http_head *head) {
  size_t num_hosts = 0;
  for (size_t i = 0; i < head->num_fields; i++) {
    struct http_text value = head->fields[i].value;
    struct authority authority;
    if (!http_text_is(head->fields[i].name, "Host")) {
      continue;
    }
    if (value.len > 0 &&
        !authority_from_text(&authority, value.data, value.len)) {
      return false;
    }
    num_hosts++;
  }
  return num_hosts == 1 || (num_hosts == 0 && head->minor_version == 0);
}

enum http_head_status http_request_read(struct http_head *out,
                                        struct http_scan *scan,
                                        const uint8_t *data, size_t len) {
  enum http_head_status status = read_head(out, scan, data, len, false);
  if (status != HTTP_HEAD_OK) {
    return status;
  }
  if (!host_is_good(out)) {
    return HTTP_HEAD_BAD_HOST;
  }
  return read_framing(out, false, false);
}

enum http_head_status http_response_read(struct http_head *out,
                                         struct http_scan *scan,
                                         const uint8_t *data, size_t len,
                                         bool to_head) {
  enum http_head_status status = read_head(out, scan, data, len, true);
  if (status != HTTP_HEAD_OK) {
    return status;
  }
  bool has_no_body =
      to_head || out->status < 200 || out->status == 204 || out->status == 304;
  return read_framing(out, true, has_no_body);
}
