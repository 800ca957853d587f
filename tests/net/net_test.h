// net_test is what the tests of net share: turning the loop, a connected pair
// of TCP streams, and an owner of a stream that writes down its events.

#ifndef ECHPROXY_TESTS_NET_NET_TEST_H
#define ECHPROXY_TESTS_NET_NET_TEST_H

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "net/address.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/worker.h"

// RUN_UNTIL turns the loop until `condition` holds. A test that waits in vain
// ends when nothing is left to wait for, or by its suite's timeout.
#define RUN_UNTIL(worker, condition)                              \
  do {                                                            \
    while (!(condition)) {                                        \
      int alive = uv_run(worker_loop(worker), UV_RUN_ONCE);       \
      cr_assert(alive != 0 || (condition), "never: " #condition); \
    }                                                             \
  } while (0)

// turn_loop lets the loop do what it can do without waiting.
static inline void turn_loop(struct worker *worker, int turns) {
  for (int i = 0; i < turns; i++) {
    uv_run(worker_loop(worker), UV_RUN_NOWAIT);
  }
}

static inline struct worker *test_worker_new(void) {
  signal(SIGPIPE, SIG_IGN);  // as the program does
  return worker_new();
}

// A listening socket on loopback that keeps the connections it accepts.
struct test_listener {
  struct worker *worker;
  uv_tcp_t handle;
  struct address address;
  struct stream *accepted;  // the last one
  int num_accepted;
};

static inline void test_listener_on_connection(uv_stream_t *server,
                                               int status) {
  struct test_listener *l = server->data;
  cr_assert_eq(status, 0);
  int err = 0;
  l->accepted = tcp_accept(l->worker, server, &err);
  cr_assert_not_null(l->accepted, "%s", uv_strerror(err));
  l->num_accepted++;
}

static inline void test_listener_open(struct test_listener *l,
                                      struct worker *worker, const char *ip) {
  *l = (struct test_listener){.worker = worker};
  cr_assert(address_from_ip(&l->address, ip, 0));
  struct sockaddr_storage sa;
  address_to_sockaddr(&sa, &l->address);
  uv_tcp_init(worker_loop(worker), &l->handle);
  l->handle.data = l;
  cr_assert_eq(uv_tcp_bind(&l->handle, (struct sockaddr *)&sa, 0), 0);
  cr_assert_eq(
      uv_listen((uv_stream_t *)&l->handle, 16, test_listener_on_connection), 0);
  int len = sizeof(sa);
  uv_tcp_getsockname(&l->handle, (struct sockaddr *)&sa, &len);
  cr_assert(address_from_sockaddr(&l->address, (struct sockaddr *)&sa));
}

static inline void test_listener_close(struct test_listener *l) {
  uv_close((uv_handle_t *)&l->handle, NULL);
  turn_loop(l->worker, 2);
}

static inline void test_on_connect(void *owner, int err,
                                   struct stream *stream) {
  cr_assert_eq(err, 0, "%s", uv_strerror(err));
  *(struct stream **)owner = stream;
}

// test_tcp_pair makes both ends of one connection.
static inline void test_tcp_pair(struct worker *worker,
                                 struct stream **out_client,
                                 struct stream **out_server) {
  struct test_listener listener;
  test_listener_open(&listener, worker, "127.0.0.1");
  *out_client = NULL;
  tcp_connect_start(worker, &listener.address, test_on_connect, out_client);
  RUN_UNTIL(worker, *out_client != NULL && listener.accepted != NULL);
  *out_server = listener.accepted;
  test_listener_close(&listener);
}

// A peer owns a stream and writes down what it is told.
struct peer {
  struct stream *stream;
  struct bytes got;
  int num_data;
  int num_drained;
  int num_ends;
  int end_err;
  // What it does when it is told.
  bool pauses_on_data;
  bool closes_on_data;
  bool closes_on_end;
  bool closes_on_drained;
};

static inline void peer_close(struct peer *p) {
  stream_close(p->stream);
  p->stream = NULL;
}

static inline void peer_on_data(void *owner, const uint8_t *data, size_t len) {
  struct peer *p = owner;
  cr_assert_not_null(p->stream, "data after close");
  cr_assert_eq(p->num_ends, 0, "data after the end");
  cr_assert_gt(len, 0);
  bytes_append(&p->got, data, len);
  p->num_data++;
  if (p->pauses_on_data) {
    stream_read_stop(p->stream);
  }
  if (p->closes_on_data) {
    peer_close(p);
  }
}

static inline void peer_on_end(void *owner, int err) {
  struct peer *p = owner;
  cr_assert_not_null(p->stream, "the end after close");
  p->num_ends++;
  p->end_err = err;
  if (p->closes_on_end) {
    peer_close(p);
  }
}

static inline void peer_on_drained(void *owner) {
  struct peer *p = owner;
  cr_assert_not_null(p->stream, "drained after close");
  cr_assert_eq(stream_pending(p->stream), 0);
  p->num_drained++;
  if (p->closes_on_drained) {
    peer_close(p);
  }
}

static const struct stream_events kPeerEvents = {peer_on_data, peer_on_end,
                                                 peer_on_drained};

// peer_open takes `stream` and begins to read.
static inline void peer_open(struct peer *p, struct stream *stream) {
  p->stream = stream;
  stream_set_events(stream, &kPeerEvents, p);
  stream_read_start(stream);
}

static inline void peer_write_text(struct peer *p, const char *text) {
  stream_write(p->stream, (const uint8_t *)text, strlen(text));
}

static inline bool peer_got_text(const struct peer *p, const char *text) {
  return p->got.len == strlen(text) &&
         memcmp(p->got.data, text, p->got.len) == 0;
}

static inline void peer_forget(struct peer *p) {
  free(p->got.data);
  p->got = (struct bytes){0};
}

static inline void peer_cleanup(struct peer *p) {
  if (p->stream != NULL) {
    peer_close(p);
  }
  peer_forget(p);
}

// test_pattern fills `len` bytes that no offset of which looks like another.
static inline uint8_t *test_pattern(size_t len, uint32_t seed) {
  uint8_t *data = malloc(len);
  for (size_t i = 0; i < len; i++) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (uint8_t)(seed >> 24);
  }
  return data;
}

#endif
