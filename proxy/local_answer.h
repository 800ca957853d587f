// local_answer is how the proxy's own pages are answered: every answer carries
// what keeps it from other sites' pages (docs/STATUS.md).

#ifndef ECHPROXY_PROXY_LOCAL_ANSWER_H
#define ECHPROXY_PROXY_LOCAL_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"
#include "net/worker.h"
#include "proxy/authority.h"
#include "proxy/http_head.h"
#include "proxy/page_access.h"

// A request for a page of ours. What it points to is borrowed while it is
// looked at.
struct local_request {
  const struct http_head *head;
  struct page_visitor visitor;
  struct http_text path;   // "/", "/api/visits/1"
  struct http_text query;  // what comes after the '?', maybe nothing
};

// local_request_init takes the target `head` apart, whose path and query begin
// at the offset `path`.
void local_request_init(struct local_request *out, const struct http_head *head,
                        const struct page_visitor *visitor, size_t path);

// local_request_is_head says whether the answer has no body.
bool local_request_is_head(const struct local_request *request);

// local_request_address appends "HOST:PORT", by which the client knows us: what
// it has asked for, or else the address that it has connected to.
void local_request_address(struct bytes *out,
                           const struct local_request *request);

// A nonce of the Content Security Policy: 16 random octets in base64.
enum { kLocalNonceSize = 25 };
void local_nonce_make(char out[kLocalNonceSize]);

// local_fields_write appends the header lines of every answer to `request`. The
// page's styles and scripts need `nonce`; with NULL there are none.
void local_fields_write(struct bytes *out, const struct local_request *request,
                        const char *nonce);

struct local_answer {
  int status;          // 0: 200
  const char *type;    // of the body
  const char *fields;  // more header lines; NULL: none
  const char *nonce;   // as for local_fields_write
  const char *body;
  size_t body_len;
};

// local_answer_send writes the answer to `browser`, which it takes.
void local_answer_send(struct stream *browser,
                       const struct local_request *request,
                       const struct local_answer *answer);

// local_answer_error sends one line that says what is wrong: as JSON for a path
// below /api/, else as plain text. It takes `browser`.
void local_answer_error(struct stream *browser,
                        const struct local_request *request, int status,
                        const char *why);

#endif
