// framed_server is a DNS server that does, query by query, what a test tells it
// to: over TLS as DoT, or in plain TCP and UDP on one port as the stub's
// resolver. It runs on the test's own loop.

#ifndef ECHPROXY_TESTS_ECH_FRAMED_SERVER_H
#define ECHPROXY_TESTS_ECH_FRAMED_SERVER_H

#include "ech/dns_message.h"
#include "ech/ech_test.h"
#include "net/tcp.h"
#include "net/tls.h"

enum framed_deed {
  FRAMED_ANSWER,  // that there is no such record
  FRAMED_SERVFAIL,
  FRAMED_BARE_ERROR,  // FORMERR without the question
  FRAMED_WRONG_ID,
  FRAMED_WRONG_QUESTION,
  FRAMED_WRONG_THEN_RIGHT,  // another id, another question, no response, then
                            // the answer
  FRAMED_TRUNCATED,         // TC
  FRAMED_HOLD,              // answers after the next query
  FRAMED_IN_PIECES,         // octet by octet
  FRAMED_HALF,              // of an answer, then the end of the connection
  FRAMED_TINY,              // a frame of one octet
  FRAMED_CLOSE,
  FRAMED_SILENCE,
};

enum { kFramedMaxConnections = 16, kFramedMaxQueries = 256 };

struct framed_server;

struct framed_connection {
  struct framed_server *server;
  struct tls *tls;  // NULL in plain TCP
  struct stream *stream;
  struct bytes in;
  struct bytes held;  // an answer for later
  struct task close;
};

struct framed_server {
  struct worker *worker;
  SSL_CTX *ctx;  // NULL: plain
  uv_tcp_t listener;
  uv_udp_t udp;
  uint16_t port;
  const enum framed_deed *deeds;  // the last one is repeated
  size_t num_deeds;
  size_t num_queries;
  size_t num_datagrams;
  struct sockaddr_storage last_from;  // of the last datagram
  // respond writes the whole answer to `query`; NULL: there is no such record.
  void (*respond)(void *owner, const uint8_t *query, size_t len,
                  struct bytes *out);
  void *respond_owner;
  uint16_t ids[kFramedMaxQueries];
  size_t lens[kFramedMaxQueries];
  struct framed_connection connections[kFramedMaxConnections];
  size_t num_connections;
};

#define FRAMED_DEEDS(...)                               \
  (const enum framed_deed[]){__VA_ARGS__},              \
      sizeof((const enum framed_deed[]){__VA_ARGS__}) / \
          sizeof(enum framed_deed)

static inline size_t framed_question_end(const uint8_t *query) {
  size_t at = 12;
  while (query[at] != 0) {
    at += 1u + query[at];
  }
  return at + 5;
}

// Makes an answer with `flags` and no records.
static inline void framed_answer(struct bytes *out, const uint8_t *query,
                                 unsigned flags) {
  uint8_t header[12] = {query[0],       query[1], (uint8_t)(flags >> 8),
                        (uint8_t)flags, 0,        1};
  bytes_append(out, header, sizeof(header));
  bytes_append(out, query + 12, framed_question_end(query) - 12);
}

static inline void framed_close(struct framed_connection *c) {
  worker_undefer(c->server->worker, &c->close);
  if (c->tls != NULL) {
    tls_close(c->tls);
  } else {
    stream_close(c->stream);
  }
  c->tls = NULL;
  c->stream = NULL;
  free(c->in.data);
  free(c->held.data);
  c->in = c->held = (struct bytes){0};
}

static inline void framed_close_task(void *owner) { framed_close(owner); }

// Sends `message` on `c`, or, when that is NULL, as a datagram.
static inline void framed_send(struct framed_server *s,
                               struct framed_connection *c,
                               const struct sockaddr *to,
                               const struct bytes *message) {
  if (c == NULL) {
    uv_buf_t buf = uv_buf_init((char *)message->data, (unsigned)message->len);
    uv_udp_try_send(&s->udp, &buf, 1, to);
    return;
  }
  uint8_t head[2] = {(uint8_t)(message->len >> 8), (uint8_t)message->len};
  stream_write(c->stream, head, 2);
  stream_write(c->stream, message->data, message->len);
}

static inline void framed_send_held(struct framed_connection *c) {
  if (c != NULL && c->held.len > 0) {
    framed_send(c->server, c, NULL, &c->held);
    c->held.len = 0;
  }
}

// Sends the answer octet by octet, or half of it.
static inline void framed_send_pieces(struct framed_connection *c,
                                      const struct bytes *answer, size_t num) {
  uint8_t head[2] = {(uint8_t)(answer->len >> 8), (uint8_t)answer->len};
  for (size_t i = 0; i < num + 2; i++) {
    stream_write(c->stream, i < 2 ? &head[i] : &answer->data[i - 2], 1);
  }
}

static inline void framed_send_wrong(struct framed_server *s,
                                     struct framed_connection *c,
                                     const struct sockaddr *to,
                                     const struct bytes *answer) {
  struct bytes wrong = {0};
  bytes_append(&wrong, answer->data, answer->len);
  wrong.data[0] ^= 0x55;  // another id
  framed_send(s, c, to, &wrong);
  wrong.data[0] ^= 0x55;
  wrong.data[13] ^= 1;  // another name
  framed_send(s, c, to, &wrong);
  wrong.data[13] ^= 1;
  wrong.data[2] &= 0x7f;  // no response
  framed_send(s, c, to, &wrong);
  free(wrong.data);
}

static inline void framed_do(struct framed_server *s,
                             struct framed_connection *c,
                             const struct sockaddr *to, const uint8_t *query,
                             size_t len) {
  size_t i = s->num_queries++;
  cr_assert_lt(i, (size_t)kFramedMaxQueries);
  s->ids[i] = dns_message_id(query);
  s->lens[i] = len;
  enum framed_deed deed = s->deeds[i < s->num_deeds ? i : s->num_deeds - 1];
  struct bytes answer = {0};
  if (s->respond != NULL) {
    s->respond(s->respond_owner, query, len, &answer);
    dns_message_set_id(answer.data, dns_message_id(query));
  } else {
    framed_answer(&answer, query, deed == FRAMED_SERVFAIL ? 0x8182 : 0x8180);
  }
  switch (deed) {
    case FRAMED_ANSWER:
    case FRAMED_SERVFAIL:
      framed_send(s, c, to, &answer);
      framed_send_held(c);
      break;
    case FRAMED_BARE_ERROR:
      answer.data[3] |= 1;
      answer.data[5] = 0;
      answer.len = 12;
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_WRONG_ID:
      answer.data[1] ^= 1;
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_WRONG_QUESTION:
      answer.data[13] ^= 1;
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_WRONG_THEN_RIGHT:
      framed_send_wrong(s, c, to, &answer);
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_TRUNCATED:
      answer.data[2] |= 2;
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_HOLD:
      bytes_append(&c->held, answer.data, answer.len);
      break;
    case FRAMED_IN_PIECES:
      framed_send_pieces(c, &answer, answer.len);
      break;
    case FRAMED_HALF:
      framed_send_pieces(c, &answer, answer.len / 2);
      worker_defer(s->worker, &c->close, framed_close_task, c);
      break;
    case FRAMED_TINY:
      answer.len = 1;
      framed_send(s, c, to, &answer);
      break;
    case FRAMED_CLOSE:
      worker_defer(s->worker, &c->close, framed_close_task, c);
      break;
    case FRAMED_SILENCE:
      break;
  }
  free(answer.data);
}

static inline void framed_on_data(void *owner, const uint8_t *data,
                                  size_t len) {
  struct framed_connection *c = owner;
  bytes_append(&c->in, data, len);
  while (c->in.len >= 2) {
    size_t frame = (size_t)(c->in.data[0] << 8 | c->in.data[1]);
    if (c->in.len < frame + 2) {
      break;
    }
    framed_do(c->server, c, NULL, c->in.data + 2, frame);
    c->in.len -= frame + 2;
    memmove(c->in.data, c->in.data + frame + 2, c->in.len);
  }
}

static inline void framed_on_end(void *owner, int err) {
  (void)err;
  framed_close(owner);
}

static inline void framed_open_stream(struct framed_connection *c,
                                      struct stream *stream) {
  static const struct stream_events kEvents = {.on_data = framed_on_data,
                                               .on_end = framed_on_end};
  c->stream = stream;
  stream_set_events(stream, &kEvents, c);
  stream_read_start(stream);
}

static inline void framed_on_handshake(void *owner, enum tls_status status,
                                       const struct tls_error *error) {
  (void)error;
  struct framed_connection *c = owner;
  if (status != TLS_OK) {
    framed_close(c);
  } else {
    framed_open_stream(c, tls_stream(c->tls));
  }
}

static inline void framed_on_connection(uv_stream_t *listener, int status) {
  struct framed_server *s = listener->data;
  cr_assert_eq(status, 0);
  cr_assert_lt(s->num_connections, (size_t)kFramedMaxConnections);
  struct framed_connection *c = &s->connections[s->num_connections++];
  int err = 0;
  struct stream *stream = tcp_accept(s->worker, listener, &err);
  cr_assert_not_null(stream);
  c->server = s;
  if (s->ctx == NULL) {
    framed_open_stream(c, stream);
    return;
  }
  c->tls = tls_server_new(s->worker, stream, SSL_new(s->ctx));
  tls_handshake_start(c->tls, framed_on_handshake, c);
}

static inline void framed_on_buffer(uv_handle_t *handle, size_t suggested,
                                    uv_buf_t *out) {
  (void)handle, (void)suggested;
  static char buffer[65536];
  *out = uv_buf_init(buffer, sizeof(buffer));
}

static inline void framed_on_datagram(uv_udp_t *udp, ssize_t len,
                                      const uv_buf_t *buf,
                                      const struct sockaddr *from,
                                      unsigned flags) {
  (void)flags;
  struct framed_server *s = udp->data;
  if (len > 0 && from != NULL) {
    s->num_datagrams++;
    memcpy(&s->last_from, from, sizeof(struct sockaddr_in));
    framed_do(s, NULL, from, (const uint8_t *)buf->base, (size_t)len);
  }
}

static inline int framed_select_dot(SSL *ssl, const uint8_t **out,
                                    uint8_t *out_len, const uint8_t *in,
                                    unsigned in_len, void *user) {
  (void)ssl, (void)in, (void)in_len;
  *out = (const uint8_t *)user;
  *out_len = (uint8_t)strlen(user);
  return SSL_TLSEXT_ERR_OK;
}

static inline void framed_listen_udp(struct framed_server *s) {
  struct address at;
  struct sockaddr_storage sa;
  address_from_ip(&at, "127.0.0.1", s->port);
  address_to_sockaddr(&sa, &at);
  cr_assert_eq(uv_udp_bind(&s->udp, (struct sockaddr *)&sa, 0), 0);
  cr_assert_eq(uv_udp_recv_start(&s->udp, framed_on_buffer, framed_on_datagram),
               0);
}

// framed_server_open listens on a free port of loopback and does `deeds`, the
// last of them again and again: over TLS with `cert` and the protocol `alpn`
// (NULL: it says nothing), or, when `cert` is NULL, over TCP and UDP.
static inline void framed_server_open(struct framed_server *s,
                                      struct worker *worker,
                                      const struct test_cert *cert,
                                      const char *alpn,
                                      const enum framed_deed *deeds,
                                      size_t num_deeds) {
  *s = (struct framed_server){
      .worker = worker, .deeds = deeds, .num_deeds = num_deeds};
  if (cert != NULL) {
    s->ctx = SSL_CTX_new(TLS_method());
    test_cert_use(s->ctx, cert);
  }
  if (cert != NULL && alpn != NULL) {
    SSL_CTX_set_alpn_select_cb(s->ctx, framed_select_dot, (void *)alpn);
  }
  s->port = test_listen(&s->listener, worker, framed_on_connection, s);
  uv_udp_init(worker_loop(worker), &s->udp);
  s->udp.data = s;
  if (cert == NULL) {
    framed_listen_udp(s);
  }
}

// framed_server_close drops all connections. The loop must turn once more
// before `s` goes.
static inline void framed_server_close(struct framed_server *s) {
  for (size_t i = 0; i < s->num_connections; i++) {
    if (s->connections[i].stream != NULL || s->connections[i].tls != NULL) {
      framed_close(&s->connections[i]);
    }
  }
  uv_close((uv_handle_t *)&s->listener, NULL);
  uv_close((uv_handle_t *)&s->udp, NULL);
  SSL_CTX_free(s->ctx);
}

#endif
