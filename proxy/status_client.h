// status_client asks the user's own proxy on this machine for what it shows,
// over plain HTTP/1.1 within the machine, with the token (running_list.h). It
// blocks, never longer than it is told, and takes no more than it is told: what
// answers there may be another program.

#ifndef ECHPROXY_PROXY_STATUS_CLIENT_H
#define ECHPROXY_PROXY_STATUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/bytes.h"
#include "proxy/running_list.h"

#define STATUS_OUTCOMES(X)                                                \
  /* name, what can be said after an address */                           \
  X(STATUS_MORE, "it is still answering")                                 \
  X(STATUS_DONE, "it has answered")                                       \
  X(STATUS_NOBODY, "nobody listens there")                                \
  X(STATUS_OFF_MACHINE, "that is no address of this machine any more")    \
  X(STATUS_SILENT, "it does not answer in time")                          \
  X(STATUS_WRONG_TOKEN,                                                   \
    "another proxy than the one that left its address "                   \
    "in the state directory listens there")                               \
  X(STATUS_TOO_MANY, "it has as many watchers as it can have: close one") \
  X(STATUS_NOT_OURS, "what answers there is not a proxy of this version") \
  X(STATUS_TOO_LONG, "its answer is too long")

enum status_outcome {
#define X(name, text) name,
  STATUS_OUTCOMES(X)
#undef X
};

const char *status_outcome_str(enum status_outcome outcome);

enum {
  kStatusAnswerMs = 5000,
  // Of /api/visits: some hundred rows.
  kStatusAnswerMax = 4 * 1024 * 1024,
};

struct status_client;

// status_client_open asks `running` for `path` and waits for the head of its
// answer, at most kStatusAnswerMs. On STATUS_MORE `*out` is an answer to be
// read, released with status_client_close; else it is NULL.
enum status_outcome status_client_open(struct status_client **out,
                                       const struct running *running,
                                       const char *path);

// status_client_read appends what has come of the answer's body to `out`, and
// waits for some of it at most `timeout_ms`, maybe in vain. STATUS_DONE at its
// end, STATUS_NOT_OURS when it breaks off.
enum status_outcome status_client_read(struct status_client *client,
                                       struct bytes *out, int timeout_ms);

// status_client_fd returns the socket, to be watched for what comes.
int status_client_fd(const struct status_client *client);

// status_client_close takes NULL as well.
void status_client_close(struct status_client *client);

// status_client_get reads a whole answer with a NUL after it, on STATUS_DONE
// released with free, in kStatusAnswerMs for the head and again for the body.
enum status_outcome status_client_get(char **out, const struct running *running,
                                      const char *path);

// status_client_is_there says whether somebody listens where `running` did. It
// sends nothing.
bool status_client_is_there(const struct running *running);

#endif
