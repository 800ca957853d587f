// wire is what the programs of the bench share: an epoll loop, and connections
// with or without TLS. Their bytes pass through the loop's two large buffers,
// so that a connection owns memory only for what is pending.

#ifndef ECHPROXY_TESTS_BENCH_WIRE_H
#define ECHPROXY_TESTS_BENCH_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base.h"

enum {
  kWireBuffer = 256 * 1024,
  kTlsRecord = 16384,  // RFC 8446, section 5.1
};

// The loop.

// watch is one descriptor in a loop, embedded in what it belongs to.
struct watch {
  int fd;
  void (*on_event)(struct watch *watch, uint32_t events);
};

struct conn;

struct loop {
  int epoll_fd;
  bool stopped;
  uint8_t *in;             // what the last recv brought
  uint8_t *out;            // what the next send takes,
  size_t out_len;          //
  struct conn *out_owner;  // of this connection
  struct conn *dead;       // closed in this round, freed after it
  BIO_METHOD *bio_method;
};

// loop_init makes the loop ready, and as many descriptors as may be;
// loop_cleanup undoes it.
void loop_init(struct loop *loop);
void loop_cleanup(struct loop *loop);

// loop_add watches `watch` for `events` until its descriptor is closed. False
// when the descriptor cannot be watched (a regular file).
bool loop_add(struct loop *loop, struct watch *watch, uint32_t events);

// loop_run handles events until `loop->stopped`.
void loop_run(struct loop *loop);

// loop_every calls `watch->on_event`, edge-triggered, each `us` microseconds
// from now on, by a timerfd that it puts into `watch->fd`, and that the caller
// closes.
void loop_every(struct loop *loop, struct watch *watch, uint64_t us);

// loop_signals blocks SIGTERM, SIGINT and SIGUSR1 and hands them to `watch` as
// a signalfd. To be called before threads are made.
void loop_signals(struct loop *loop, struct watch *watch);

// loop_signal returns the next signal of that watch, or 0.
int loop_signal(const struct watch *watch);

// Connections.

// What conn_read, conn_fill and conn_handshake return instead of a number of
// bytes.
enum {
  CONN_AGAIN = 0,    // nothing now; on_ready says when
  CONN_END = -1,     // the peer has ended its side
  CONN_FAILED = -2,  // conn_error says why
};

// conn is one TCP connection, embedded in its owner, which frees itself in
// `on_dead` and not earlier.
struct conn {
  struct watch watch;
  struct loop *loop;
  void (*on_ready)(struct conn *conn);  // something to read, or room to write
  void (*on_dead)(struct conn *conn);   // after conn_close; may be NULL
  SSL *ssl;                             // or NULL
  const uint8_t *in;                    // received, not yet read
  size_t in_len;
  uint8_t *kept;       // `in`'s own memory, when it is not the loop's
  uint8_t *pending;    // what the socket had no room for
  size_t pending_off;  // of which this much was sent since,
  size_t pending_len;  // and this much not
  bool readable;       // a recv may bring something
  bool hung_up;        // and there is an end to be found
  bool ended;
  int err;
  struct conn *next_dead;
};

// conn_open takes the accepted descriptor `fd` into the loop. The callbacks are
// the owner's.
void conn_open(struct conn *conn, struct loop *loop, int fd,
               void (*on_ready)(struct conn *), void (*on_dead)(struct conn *));

// conn_connect opens a connection to `to`. on_ready runs when it is made or has
// failed.
void conn_connect(struct conn *conn, struct loop *loop,
                  const struct endpoint *to, void (*on_ready)(struct conn *),
                  void (*on_dead)(struct conn *));

// conn_start_tls takes `ssl`, a client or a server that has not begun.
void conn_start_tls(struct conn *conn, SSL *ssl);

// conn_handshake goes on with it: 1 when it is done, or CONN_...
int conn_handshake(struct conn *conn);

// conn_fill receives once, unless something is unread: the number of bytes that
// may be read, or CONN_...
int conn_fill(struct conn *conn);

// conn_read reads what was received, decrypted: a number of bytes, or CONN_...
// conn_fill brings more after CONN_AGAIN, when `readable`.
int conn_read(struct conn *conn, uint8_t *out, size_t len);

// conn_keep must be called before an event handler returns, when it leaves
// something unread.
void conn_keep(struct conn *conn);

// conn_come_back has on_ready run again when others have had their turn. For
// who stops after kMaxRounds though there is more to read.
enum { kMaxRounds = 16 };
void conn_come_back(struct conn *conn);

// conn_write sends `data` with the next conn_flush, or earlier.
bool conn_write(struct conn *conn, const uint8_t *data, size_t len);

// conn_flush sends. What finds no room becomes `pending` and is sent when there
// is some; on_ready tells.
void conn_flush(struct conn *conn);

// conn_error describes what failed, in `text`, which it returns.
const char *conn_error(const struct conn *conn, char *text, size_t len);

// conn_close closes at once. on_ready does not run again; on_dead runs before
// the loop waits again. A second call does nothing.
void conn_close(struct conn *conn);

#endif
