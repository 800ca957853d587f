// load_client is one client of bench_load: it connects, asks a proxy for a
// tunnel, speaks TLS through it, and then makes requests one after the other.
// Every byte that it gets is checked. load_modes decides what it does when.

#ifndef ECHPROXY_TESTS_BENCH_LOAD_CLIENT_H
#define ECHPROXY_TESTS_BENCH_LOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tls.h"
#include "wire.h"

// load is what all clients share. The caller sets the first part.
struct load {
  struct endpoint to;        // the proxy, or the site itself
  bool through_proxy;        // ask it for a tunnel with CONNECT
  struct tls_client *tls;    // NULL: plain
  const char *name;          // of the sites; `%d` stands for a number
  uint64_t num_names;        //
  uint16_t port;             // for CONNECT and Host
  uint64_t step_timeout_ns;  // for a client to open, and for each answer
  uint64_t end_ns;           // of everything

  struct loop loop;
  struct watch ticker;
  uint8_t *body;
  struct client *open;  // all that are open or opening
  uint64_t errors;
  uint64_t opened, resumed, ech;
};

// load_init makes the shared part ready; load_cleanup undoes it, and closes the
// clients that are left.
void load_init(struct load *load);
void load_cleanup(struct load *load);

// load_error counts an error, prints the first, and ends the loop at the
// thousandth.
void load_error(struct load *load, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum client_event {
  CLIENT_OPEN,      // requests can be made
  CLIENT_ANSWERED,  // the answer is all there, and right
  CLIENT_FAILED,    // was counted; the client is closed
};

enum client_step {
  CLIENT_CONNECTING,
  CLIENT_ASKING,  // for the tunnel
  CLIENT_HANDSHAKE,
  CLIENT_IDLE,
  CLIENT_REQUESTING,
  CLIENT_CLOSED,
};

struct client;
typedef void client_cb(struct client *client, enum client_event event);

// client is valid until client_close or until its callback with CLIENT_FAILED
// has returned.
struct client {
  struct conn conn;
  struct load *load;
  client_cb *on_event;
  void *owner;  // the mode's
  enum client_step step;
  char name[256];
  uint64_t opened_ns;      // when it began to connect,
  uint64_t asked_ns;       // when the request was sent,
  uint64_t first_byte_ns;  // when its answer began,
  uint64_t answered_ns;    // and ended
  uint64_t deadline_ns;
  bool again;  // it was used before: a mode's mark
  char head[4096];
  size_t head_len;
  bool in_body;       // the answer's head was read
  uint64_t sent;      // of the request's body,
  uint64_t to_send;   //
  uint64_t expected;  // of the answer's, UINT64_MAX for any
  uint64_t length;    // what the answer says,
  uint64_t received;  // and what came of it
  struct client *next, *prev;
};

// client_open begins to connect to the site with that number.
struct client *client_open(struct load *load, uint64_t number,
                           client_cb *on_event, void *owner);

// client_get asks for `size` bytes; client_post sends as many. For a client
// that is open and has no request under way.
void client_get(struct client *client, uint64_t size);
void client_post(struct client *client, uint64_t size);

// client_close closes it, as a client does that has all it wanted.
void client_close(struct client *client);

#endif
