// answer is an HTTP/1.1 response of the proxy's own, which always ends the
// connection.

#ifndef ECHPROXY_PROXY_ANSWER_H
#define ECHPROXY_PROXY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "net/stream.h"
#include "net/worker.h"

// How long an answer may take to leave.
enum { kAnswerDrainMs = 5000 };

struct answer {
  int status;
  const char *phrase;  // NULL: the usual one for `status`
  const char *type;    // of the body
  const char *fields;  // more header lines, each with its CR LF; NULL for none
  const char *body;
  size_t body_len;
  bool head_only;  // to a HEAD request: the same without the body
};

// answer_write appends the response to `out`.
void answer_write(struct bytes *out, const struct answer *answer);

// answer_send writes `answer` to `browser`, which it takes and closes when that
// has left.
void answer_send(struct stream *browser, const struct answer *answer);

// answer_error sends one line of plain text that says why there is nothing
// else, and takes `browser`.
void answer_error(struct stream *browser, int status, const char *why,
                  bool head_only);

#endif
