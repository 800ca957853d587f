// http_head reads the head of an HTTP/1 message (RFC 9112): the first line and
// the header fields, and what they say about the body. It is strict where two
// readers could understand one message in two ways (section 11.2), because what
// it reads is passed on.

#ifndef ECHPROXY_PROXY_HTTP_HEAD_H
#define ECHPROXY_PROXY_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_STATUSES(X)                                                 \
  /* name, HTTP status for a request that is so, text */                      \
  X(HTTP_HEAD_OK, 200, "it is well-formed")                                   \
  X(HTTP_HEAD_INCOMPLETE, 408, "it did not arrive in whole")                  \
  X(HTTP_HEAD_TOO_LONG, 431, "its head is too long")                          \
  X(HTTP_HEAD_LINE_TOO_LONG, 414, "its first line is too long")               \
  X(HTTP_HEAD_TOO_MANY_FIELDS, 431, "it has too many header fields")          \
  X(HTTP_HEAD_BAD_BYTE, 400,                                                  \
    "its head has a control character, or a line that does not end in CR LF") \
  X(HTTP_HEAD_BAD_LINE, 400, "its first line is malformed")                   \
  X(HTTP_HEAD_BAD_VERSION, 505, "it is neither HTTP/1.1 nor HTTP/1.0")        \
  X(HTTP_HEAD_BAD_FIELD, 400, "a header field is malformed")                  \
  X(HTTP_HEAD_FOLDED_FIELD, 400,                                              \
    "a header field goes over more than one line")                            \
  X(HTTP_HEAD_BAD_HOST, 400, "it must have one Host field that names a host") \
  X(HTTP_HEAD_BAD_LENGTH, 400, "its Content-Length is not one number")        \
  X(HTTP_HEAD_LENGTH_AND_CODING, 400,                                         \
    "it has a Content-Length and a Transfer-Encoding")                        \
  X(HTTP_HEAD_CODING_IN_1_0, 400, "it is HTTP/1.0 with a Transfer-Encoding")  \
  X(HTTP_HEAD_BAD_CODING, 501, "its Transfer-Encoding is not just 'chunked'")

enum http_head_status {
#define X(name, code, text) name,
  HTTP_HEAD_STATUSES(X)
#undef X
};

// http_head_status_str is what can be said after "the request was refused: ".
const char *http_head_status_str(enum http_head_status status);

// http_head_status_code is the HTTP status to answer such a request with.
int http_head_status_code(enum http_head_status status);

enum {
  kHttpRequestHeadMax = 16 * 1024,
  kHttpResponseHeadMax = 64 * 1024,
  kHttpMaxFields = 256,
};

// Where a message's body ends (RFC 9112, section 6.3).
enum http_framing {
  HTTP_BODY_NONE,
  HTTP_BODY_LENGTH,
  HTTP_BODY_CHUNKED,
  HTTP_BODY_UNTIL_CLOSE,
};

// Text within the message, without a NUL.
struct http_text {
  const char *data;
  size_t len;
};

struct http_field {
  struct http_text name;
  struct http_text value;  // without the white space around it
};

// A head, which points into the bytes that it was read from.
struct http_head {
  struct http_text method;  // of a request
  struct http_text target;
  int status;               // of a response
  struct http_text reason;  // may be empty
  int minor_version;        // 0 or 1
  struct http_field fields[kHttpMaxFields];
  size_t num_fields;
  size_t len;  // the octets of the head, with the empty line
  enum http_framing framing;
  bool has_length;  // a Content-Length was there, whatever the framing
  uint64_t length;
};

// How far a head has been looked at; zero at first.
struct http_scan {
  size_t pos;
  size_t line_start;
  bool past_first_line;
};

// http_request_read reads a request from its first `len` bytes so far. On
// HTTP_HEAD_INCOMPLETE it wants to be called again with the same bytes and
// more; any other outcome is final. What follows the head is not looked at.
enum http_head_status http_request_read(struct http_head *out,
                                        struct http_scan *scan,
                                        const uint8_t *data, size_t len);

// http_response_read reads a response in the same way, to a HEAD request when
// `to_head` is true. It is as lenient as RFC 9112 asks a proxy to be: lines may
// end in LF alone, white space before a colon is dropped, and 'chunked' wins
// over a Content-Length.
enum http_head_status http_response_read(struct http_head *out,
                                         struct http_scan *scan,
                                         const uint8_t *data, size_t len,
                                         bool to_head);

// http_text_is compares without regard to case.
bool http_text_is(struct http_text text, const char *other);

// http_head_get returns the first field of that name, or NULL.
const struct http_field *http_head_get(const struct http_head *head,
                                       const char *name);

// http_list_next takes the next member off a comma-separated list (RFC 9110,
// section 5.6.1); empty ones are skipped. False at its end.
bool http_list_next(struct http_text *io_list, struct http_text *out);

#endif
