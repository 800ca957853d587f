// scripted_server is a DoH server that does, request by request, what a test
// tells it to: the faults that no real resolver has. It runs on the test's own
// loop.

#ifndef ECHPROXY_TESTS_ECH_SCRIPTED_SERVER_H
#define ECHPROXY_TESTS_ECH_SCRIPTED_SERVER_H

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#include "ech/ech_test.h"
#include "net/tcp.h"
#include "net/tls.h"

enum deed {
  DO_ANSWER,  // what `respond` says; without it, the query turned around
  DO_STATUS_500,
  DO_WRONG_TYPE,
  DO_EMPTY,
  DO_OVERSIZED,
  DO_TRUNCATED,  // half of an answer, then the end of the connection
  DO_RESET,
  DO_GOAWAY,         // without having seen the request
  DO_ANSWER_GOAWAY,  // an answer to it, and none any more
  DO_CLOSE,
  DO_SILENCE,   // answers PINGs only
  DO_DEAFNESS,  // reads nothing any more, not even a PING
  DO_JUNK,      // bytes that are not HTTP/2
};

enum { kMaxDeeds = 64, kMaxConnections = 64, kBigAnswer = 70000 };

struct scripted_server;

struct scripted_connection {
  struct scripted_server *server;
  struct tls *tls;
  struct stream *stream;  // NULL until the handshake is done
  nghttp2_session *h2;
  struct task close;
};

struct scripted_request {
  enum deed deed;
  struct bytes body;
  struct bytes answer;
  size_t answer_sent;
};

struct scripted_server {
  struct worker *worker;
  SSL_CTX *ctx;
  uv_tcp_t listener;
  uint16_t port;
  const enum deed *deeds;  // the last one is repeated
  size_t num_deeds;
  size_t num_requests;
  uint32_t max_streams;  // 0: not said
  // respond writes the answer to `query`; false: there is none. NULL at first.
  bool (*respond)(void *owner, const struct bytes *query, struct bytes *out);
  void *respond_owner;
  size_t num_open;  // requests without an answer yet
  size_t most_open;
  char header[2048];  // of the last request, "name: value\n"
  struct scripted_connection connections[kMaxConnections];
  size_t num_connections;
};

static inline void scripted_request_free(struct scripted_request *r) {
  free(r->body.data);
  free(r->answer.data);
  free(r);
}

// Frees the requests that have no answer: nghttp2_session_del tells of none.
static inline void scripted_forget(struct scripted_connection *c) {
  for (int32_t id = 1; c->h2 != NULL && id < 4096; id += 2) {
    struct scripted_request *r =
        nghttp2_session_get_stream_user_data(c->h2, id);
    if (r != NULL) {
      c->server->num_open--;
      scripted_request_free(r);
    }
  }
}

static inline void scripted_close(struct scripted_connection *c) {
  scripted_forget(c);
  worker_undefer(c->server->worker, &c->close);
  nghttp2_session_del(c->h2);
  c->h2 = NULL;
  tls_close(c->tls);
  c->tls = NULL;
  c->stream = NULL;
}

static inline void scripted_close_task(void *owner) { scripted_close(owner); }

static inline void scripted_pump(struct scripted_connection *c) {
  const uint8_t *data;
  ssize_t len;
  while ((len = nghttp2_session_mem_send(c->h2, &data)) > 0) {
    stream_write(c->stream, data, (size_t)len);
  }
}

static inline ssize_t scripted_read(nghttp2_session *h2, int32_t id,
                                    uint8_t *out, size_t out_size,
                                    uint32_t *out_flags,
                                    nghttp2_data_source *source, void *user) {
  (void)source, (void)user;
  struct scripted_request *r = nghttp2_session_get_stream_user_data(h2, id);
  size_t len = r->answer.len - r->answer_sent;
  len = len < out_size ? len : out_size;
  if (len > 0) {
    memcpy(out, r->answer.data + r->answer_sent, len);
  }
  r->answer_sent += len;
  if (r->answer_sent == r->answer.len) {
    if (r->deed == DO_TRUNCATED) {
      return len > 0 ? (ssize_t)len : NGHTTP2_ERR_DEFERRED;
    }
    *out_flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)len;
}

static inline nghttp2_nv scripted_nv(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                      strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static inline bool scripted_make_answer(struct scripted_server *s,
                                        struct scripted_request *r) {
  static const uint8_t kBig[kBigAnswer];
  if (r->deed == DO_OVERSIZED) {
    bytes_append(&r->answer, kBig, sizeof(kBig));
  } else if (s->respond != NULL) {
    return s->respond(s->respond_owner, &r->body, &r->answer);
  } else if (r->deed != DO_EMPTY) {
    for (size_t i = r->body.len; i > 0; i--) {
      bytes_append(&r->answer, &r->body.data[i - 1], 1);
    }
  }
  return true;
}

static inline void scripted_answer(struct scripted_connection *c, int32_t id,
                                   struct scripted_request *r) {
  bool is_wrong = r->deed == DO_WRONG_TYPE;
  const nghttp2_nv fields[] = {
      scripted_nv(":status", r->deed == DO_STATUS_500 ? "500" : "200"),
      scripted_nv("content-type",
                  is_wrong ? "text/html" : "application/dns-message"),
  };
  nghttp2_data_provider provider = {.read_callback = scripted_read};
  if (!scripted_make_answer(c->server, r)) {
    return;
  }
  nghttp2_submit_response(c->h2, id, fields, 2, &provider);
}

static inline void scripted_do(struct scripted_connection *c, int32_t id,
                               struct scripted_request *r) {
  static const uint8_t kJunk[64] = {0xff, 0xff, 0xff, 0xff, 0xff};
  struct scripted_server *s = c->server;
  size_t i = s->num_requests++;
  r->deed = s->deeds[i < s->num_deeds ? i : s->num_deeds - 1];
  switch (r->deed) {
    case DO_RESET:
      nghttp2_submit_rst_stream(c->h2, 0, id, NGHTTP2_REFUSED_STREAM);
      break;
    case DO_GOAWAY:
      nghttp2_submit_goaway(c->h2, 0, 0, NGHTTP2_NO_ERROR, NULL, 0);
      break;
    case DO_CLOSE:
      worker_defer(s->worker, &c->close, scripted_close_task, c);
      break;
    case DO_SILENCE:
      break;
    case DO_DEAFNESS:
      stream_read_stop(c->stream);
      break;
    case DO_JUNK:
      stream_write(c->stream, kJunk, sizeof(kJunk));
      break;
    case DO_ANSWER_GOAWAY:
      scripted_answer(c, id, r);
      nghttp2_submit_goaway(c->h2, 0, id, NGHTTP2_NO_ERROR, NULL, 0);
      break;
    case DO_TRUNCATED:
      scripted_answer(c, id, r);
      scripted_pump(c);
      worker_defer(s->worker, &c->close, scripted_close_task, c);
      break;
    default:
      scripted_answer(c, id, r);
  }
}

static inline int scripted_on_begin(nghttp2_session *h2,
                                    const nghttp2_frame *frame, void *user) {
  struct scripted_server *s = ((struct scripted_connection *)user)->server;
  nghttp2_session_set_stream_user_data(
      h2, frame->hd.stream_id, calloc(1, sizeof(struct scripted_request)));
  s->num_open++;
  s->most_open = s->num_open > s->most_open ? s->num_open : s->most_open;
  s->header[0] = '\0';
  return 0;
}

static inline int scripted_on_header(nghttp2_session *h2,
                                     const nghttp2_frame *frame,
                                     const uint8_t *name, size_t name_len,
                                     const uint8_t *value, size_t value_len,
                                     uint8_t flags, void *user) {
  (void)h2, (void)frame, (void)name_len, (void)value_len, (void)flags;
  struct scripted_server *s = ((struct scripted_connection *)user)->server;
  size_t used = strlen(s->header);
  snprintf(s->header + used, sizeof(s->header) - used, "%s: %s\n",
           (const char *)name, (const char *)value);
  return 0;
}

static inline int scripted_on_body(nghttp2_session *h2, uint8_t flags,
                                   int32_t id, const uint8_t *data, size_t len,
                                   void *user) {
  (void)flags, (void)user;
  struct scripted_request *r = nghttp2_session_get_stream_user_data(h2, id);
  bytes_append(&r->body, data, len);
  return 0;
}

static inline int scripted_on_frame(nghttp2_session *h2,
                                    const nghttp2_frame *frame, void *user) {
  struct scripted_request *r =
      nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
  if (r != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
      (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
    scripted_do(user, frame->hd.stream_id, r);
  }
  return 0;
}

static inline int scripted_on_close(nghttp2_session *h2, int32_t id,
                                    uint32_t error_code, void *user) {
  (void)error_code;
  struct scripted_request *r = nghttp2_session_get_stream_user_data(h2, id);
  ((struct scripted_connection *)user)->server->num_open--;
  scripted_request_free(r);
  return 0;
}

static inline void scripted_on_data(void *owner, const uint8_t *data,
                                    size_t len) {
  struct scripted_connection *c = owner;
  if (nghttp2_session_mem_recv(c->h2, data, len) < 0) {
    scripted_close(c);
    return;
  }
  scripted_pump(c);
}

static inline void scripted_on_end(void *owner, int err) {
  (void)err;
  scripted_close(owner);
}

static inline nghttp2_session *scripted_h2(struct scripted_connection *c) {
  nghttp2_session_callbacks *cb;
  nghttp2_session *h2;
  nghttp2_session_callbacks_new(&cb);
  nghttp2_session_callbacks_set_on_begin_headers_callback(cb,
                                                          scripted_on_begin);
  nghttp2_session_callbacks_set_on_header_callback(cb, scripted_on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb,
                                                            scripted_on_body);
  nghttp2_session_callbacks_set_on_frame_recv_callback(cb, scripted_on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(cb, scripted_on_close);
  nghttp2_session_server_new(&h2, cb, c);
  nghttp2_session_callbacks_del(cb);
  nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                  c->server->max_streams};
  nghttp2_submit_settings(h2, 0, &entry, c->server->max_streams > 0 ? 1 : 0);
  return h2;
}

static inline void scripted_on_handshake(void *owner, enum tls_status status,
                                         const struct tls_error *error) {
  static const struct stream_events kEvents = {.on_data = scripted_on_data,
                                               .on_end = scripted_on_end};
  (void)error;
  struct scripted_connection *c = owner;
  if (status != TLS_OK) {
    scripted_close(c);
    return;
  }
  c->stream = tls_stream(c->tls);
  c->h2 = scripted_h2(c);
  stream_set_events(c->stream, &kEvents, c);
  stream_read_start(c->stream);
  scripted_pump(c);
}

static inline void scripted_on_connection(uv_stream_t *listener, int status) {
  struct scripted_server *s = listener->data;
  cr_assert_eq(status, 0);
  cr_assert_lt(s->num_connections, (size_t)kMaxConnections);
  struct scripted_connection *c = &s->connections[s->num_connections++];
  int err = 0;
  struct stream *stream = tcp_accept(s->worker, listener, &err);
  cr_assert_not_null(stream);
  c->server = s;
  c->tls = tls_server_new(s->worker, stream, SSL_new(s->ctx));
  tls_handshake_start(c->tls, scripted_on_handshake, c);
}

static inline int scripted_select_h2(SSL *ssl, const uint8_t **out,
                                     uint8_t *out_len, const uint8_t *in,
                                     unsigned in_len, void *user) {
  (void)ssl, (void)in, (void)in_len;
  *out = (const uint8_t *)user;
  *out_len = (uint8_t)strlen(user);
  return SSL_TLSEXT_ERR_OK;
}

// scripted_server_open listens on a free port of loopback and does `deeds`, the
// last of them again and again. `alpn` is "h2", or NULL to agree on nothing.
static inline void scripted_server_open(struct scripted_server *s,
                                        struct worker *worker,
                                        const struct test_cert *cert,
                                        const char *alpn,
                                        const enum deed *deeds,
                                        size_t num_deeds) {
  *s = (struct scripted_server){
      .worker = worker, .deeds = deeds, .num_deeds = num_deeds};
  s->ctx = SSL_CTX_new(TLS_method());
  test_cert_use(s->ctx, cert);
  if (alpn != NULL) {
    SSL_CTX_set_alpn_select_cb(s->ctx, scripted_select_h2, (void *)alpn);
  }
  s->port = test_listen(&s->listener, worker, scripted_on_connection, s);
}

// scripted_server_close drops all connections. The loop must turn once more
// before `s` goes.
static inline void scripted_server_close(struct scripted_server *s) {
  for (size_t i = 0; i < s->num_connections; i++) {
    struct scripted_connection *c = &s->connections[i];
    if (c->tls != NULL) {
      scripted_close(c);
    }
  }
  uv_close((uv_handle_t *)&s->listener, NULL);
  SSL_CTX_free(s->ctx);
}

#endif
