// http_body finds where a message's body ends (RFC 9112, section 6) and frames
// it anew, so that what goes on is only ever our own framing of its content.

#ifndef ECHPROXY_PROXY_HTTP_BODY_H
#define ECHPROXY_PROXY_HTTP_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/worker.h"
#include "proxy/http_head.h"

#define HTTP_BODY_STATUSES(X)            \
  X(HTTP_BODY_MORE, "it goes on")        \
  X(HTTP_BODY_DONE, "it is complete")    \
  X(HTTP_BODY_BROKEN, "it is malformed") \
  X(HTTP_BODY_TRUNCATED, "it was cut short")

enum http_body_status {
#define X(name, text) name,
  HTTP_BODY_STATUSES(X)
#undef X
};

const char *http_body_status_str(enum http_body_status status);

enum {
  kHttpChunkLineMax = 4096,  // a chunk's size with its extensions
  kHttpTrailerMax = 16 * 1024,
};

// A body that is being read. Its fields belong to this module.
struct http_body {
  enum http_framing framing;
  enum http_body_status status;
  uint64_t left;  // content to come, of the body or of the chunk
  int step;
  size_t line_len;  // of the chunk's size line, or of all trailers so far
  size_t num_digits;
};

// http_body_init begins a body; `length` counts for HTTP_BODY_LENGTH only.
void http_body_init(struct http_body *body, enum http_framing framing,
                    uint64_t length);

// http_body_next reads some of `data` and returns how many bytes of it are
// done with: at least one while the status is HTTP_BODY_MORE and `len` above 0.
// `*out_content` is the content among them, of `*out_len` bytes, maybe none.
// Chunk extensions and trailer fields are dropped (RFC 9112, section 7.1).
size_t http_body_next(struct http_body *body, const uint8_t *data, size_t len,
                      const uint8_t **out_content, size_t *out_len);

// http_body_end says that the sender has finished.
void http_body_end(struct http_body *body);

// http_body_reframe reads `data` until it or the body is at its end and appends
// the content to `out`: in chunks and with the last chunk when the body is done
// if `as_chunks`, otherwise as it is. It returns the bytes that belong to the
// body.
size_t http_body_reframe(struct http_body *body, const uint8_t *data,
                         size_t len, bool as_chunks, struct bytes *out);

// http_body_end_chunks appends the last chunk.
void http_body_end_chunks(struct bytes *out);

#endif
