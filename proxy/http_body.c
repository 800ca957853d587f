#include "proxy/http_body.h"

#include <stdio.h>

// Where a chunked body is (RFC 9112, section 7.1).
enum step {
  CHUNK_SIZE,       // hexadecimal digits
  CHUNK_EXTENSION,  // anything to the CR
  CHUNK_SIZE_LF,
  CHUNK_DATA,
  CHUNK_DATA_CR,
  CHUNK_DATA_LF,
  TRAILER_START,  // at the start of a line after the last chunk
  TRAILER,
  TRAILER_LF,
  LAST_LF,
};

const char *http_body_status_str(enum http_body_status status) {
  static const char *const kTexts[] = {
#define X(name, text) text,
      HTTP_BODY_STATUSES(X)
#undef X
  };
  return kTexts[status];
}

void http_body_init(struct http_body *body, enum http_framing framing,
                    uint64_t length) {
  bool is_empty =
      framing == HTTP_BODY_NONE || (framing == HTTP_BODY_LENGTH && length == 0);
  *body = (struct http_body){
      .framing = framing,
      .status = is_empty ? HTTP_BODY_DONE : HTTP_BODY_MORE,
      .left = framing == HTTP_BODY_LENGTH ? length : 0,
      .step = CHUNK_SIZE,
  };
}

static int hex_value(uint8_t c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(uint8_t c) {
  return (c < ' ' && c != '\t') || c == 0x7f;
}

// Reads one octet of a chunk's size. False when it cannot stand there.
static bool read_size(struct http_body *body, uint8_t c) {
  int digit = hex_value(c);
  if (digit >= 0) {
    body->left = body->left << 4 | (uint64_t)digit;
    return ++body->num_digits <= 15;  // so that no size overflows
  }
  bool ends = c == '\r' || c == ';' || c == ' ' || c == '\t';
  body->step = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
  return ends && body->num_digits > 0;
}

static bool read_until_cr(struct http_body *body, uint8_t c, enum step next) {
  if (c == '\r') {
    body->step = (int)next;
    return true;
  }
  return !is_control(c);
}

static bool expect(struct http_body *body, uint8_t c, uint8_t wanted,
                   enum step next) {
  body->step = (int)next;
  return c == wanted;
}

static void start_line(struct http_body *body) {
  body->line_len = 0;
  body->num_digits = 0;
  body->left = 0;
}

// Reads one octet that is not content. False when it cannot stand there.
static bool read_framing(struct http_body *body, uint8_t c) {
  switch ((enum step)body->step) {
    case CHUNK_SIZE:
      return ++body->line_len <= kHttpChunkLineMax && read_size(body, c);
    case CHUNK_EXTENSION:
      return ++body->line_len <= kHttpChunkLineMax &&
             read_until_cr(body, c, CHUNK_SIZE_LF);
    case CHUNK_SIZE_LF:
      body->line_len = 0;
      return expect(body, c, '\n', body->left > 0 ? CHUNK_DATA : TRAILER_START);
    case CHUNK_DATA_CR:
      return expect(body, c, '\r', CHUNK_DATA_LF);
    case CHUNK_DATA_LF:
      start_line(body);
      return expect(body, c, '\n', CHUNK_SIZE);
    case TRAILER_START:
      if (c == '\r') {
        body->step = LAST_LF;
        return true;
      }
      body->step = TRAILER;
      // fall through
    case TRAILER:
      return ++body->line_len <= kHttpTrailerMax &&
             read_until_cr(body, c, TRAILER_LF);
    case TRAILER_LF:
      return expect(body, c, '\n', TRAILER_START);
    case LAST_LF:
      body->status = HTTP_BODY_DONE;
      return c == '\n';
    case CHUNK_DATA:
      break;
  }
  return false;
}

// Hands out what there is of the content that is to come.
static size_t take_content(struct http_body *body, const uint8_t *data,
                           size_t len, const uint8_t **out_content,
                           size_t *out_len) {
  size_t take = body->left < len ? (size_t)body->left : len;
  *out_content = data;
  *out_len = take;
  body->left -= take;
  return take;
}

static size_t next_chunked(struct http_body *body, const uint8_t *data,
                           size_t len, const uint8_t **out_content,
                           size_t *out_len) {
  size_t done = 0;
  while (done < len && body->status == HTTP_BODY_MORE) {
    if (body->step == CHUNK_DATA) {
      done += take_content(body, data + done, len - done, out_content, out_len);
      body->step = body->left == 0 ? CHUNK_DATA_CR : CHUNK_DATA;
      return done;
    }
    if (!read_framing(body, data[done])) {
      body->status = HTTP_BODY_BROKEN;
    }
    done++;
  }
  return done;
}

size_t http_body_next(struct http_body *body, const uint8_t *data, size_t len,
                      const uint8_t **out_content, size_t *out_len) {
  *out_content = data;
  *out_len = 0;
  if (body->status != HTTP_BODY_MORE) {
    return 0;
  }
  if (body->framing == HTTP_BODY_CHUNKED) {
    return next_chunked(body, data, len, out_content, out_len);
  }
  if (body->framing == HTTP_BODY_UNTIL_CLOSE) {
    *out_len = len;
    return len;
  }
  size_t done = take_content(body, data, len, out_content, out_len);
  if (body->left == 0) {
    body->status = HTTP_BODY_DONE;
  }
  return done;
}

void http_body_end(struct http_body *body) {
  if (body->status == HTTP_BODY_MORE) {
    body->status = body->framing == HTTP_BODY_UNTIL_CLOSE ? HTTP_BODY_DONE
                                                          : HTTP_BODY_TRUNCATED;
  }
}

static void append_chunk(struct bytes *out, const uint8_t *data, size_t len) {
  char size[24];
  int size_len = snprintf(size, sizeof(size), "%zx\r\n", len);
  bytes_append(out, size, (size_t)size_len);
  bytes_append(out, data, len);
  bytes_append(out, "\r\n", 2);
}

void http_body_end_chunks(struct bytes *out) {
  bytes_append(out, "0\r\n\r\n", 5);
}

size_t http_body_reframe(struct http_body *body, const uint8_t *data,
                         size_t len, bool as_chunks, struct bytes *out) {
  size_t done = 0;
  bool was_done = body->status == HTTP_BODY_DONE;
  while (done < len && body->status == HTTP_BODY_MORE) {
    const uint8_t *content;
    size_t content_len;
    done +=
        http_body_next(body, data + done, len - done, &content, &content_len);
    if (content_len > 0 && as_chunks) {
      append_chunk(out, content, content_len);
    } else {
      bytes_append(out, content, content_len);
    }
  }
  if (as_chunks && !was_done && body->status == HTTP_BODY_DONE) {
    http_body_end_chunks(out);
  }
  return done;
}
