#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>

#include "net/record_size.h"
#include "net/stream_impl.h"
#include "net/tls_bio.h"
#include "net/verify_result.h"
#include "net/xalloc.h"

enum tls_state {
  STATE_NEW,
  STATE_HANDSHAKE,
  STATE_PAUSED,  // a server that has the ClientHello and nothing else
  STATE_OPEN,
  STATE_FAILED,
};

struct tls {
  struct stream base;  // first, so that the two convert into each other
  struct stream *transport;
  SSL *ssl;
  struct tls_io io;
  // What `io.in` points into when it outlives the event that brought it.
  struct bytes stash;
  // A server's bytes since its start, until it answers the ClientHello. While
  // they are kept nothing is sent, so that the connection can be given back.
  struct bytes hello;
  bool keeps_hello;
  // A client's records begin small: its peer is far away. A server's go to a
  // browser on this machine, where they would only cost CPU.
  bool begins_small;
  struct record_size record_size;
  enum tls_state state;
  tls_handshake_cb *done;
  void *done_owner;
  struct tls_error error;
};

// What became of a call of BoringSSL's.
enum tls_result {
  RESULT_DONE,
  RESULT_WANTS_INPUT,
  RESULT_PAUSED,
  RESULT_CLOSE_NOTIFY,
  RESULT_BROKEN,
};

static struct tls *tls_of(struct stream *s) { return (struct tls *)s; }

// Reads what `ret` means. That takes an empty queue of errors before the call,
// which BoringSSL's own calls see to when they begin.
static enum tls_result result_of(const struct tls *t, int ret) {
  switch (SSL_get_error(t->ssl, ret)) {
    case SSL_ERROR_NONE:
      return RESULT_DONE;
    case SSL_ERROR_WANT_READ:
      return RESULT_WANTS_INPUT;
    case SSL_ERROR_PENDING_CERTIFICATE:
      return RESULT_PAUSED;
    case SSL_ERROR_ZERO_RETURN:
      return RESULT_CLOSE_NOTIFY;
    default:
      return RESULT_BROKEN;
  }
}

// Reads the fatal alert that the peer sent out of an error, or 0.
static uint8_t alert_of(uint32_t ssl_err) {
  int reason = ERR_GET_REASON(ssl_err);
  return ERR_GET_LIB(ssl_err) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET &&
                 reason <= SSL_AD_REASON_OFFSET + UINT8_MAX
             ? (uint8_t)(reason - SSL_AD_REASON_OFFSET)
             : 0;
}

static struct burst *burst_of(const struct tls *t) {
  return worker_burst(t->base.worker);
}

// Every run of BoringSSL's calls stands between out_begin and out_send or
// out_drop: no callback runs there, so the worker's out buffer is ours.
static void out_begin(struct tls *t) { t->io.out->len = 0; }

static void out_drop(struct tls *t) { t->io.out->len = 0; }

// Sends all records with one write, behind those that a burst holds. The
// transport may be a TLS session that needs the out buffer itself, so it finds
// an empty one there.
static void out_send(struct tls *t) {
  struct bytes *shared = t->io.out;
  if (shared->len == 0) {
    return;
  }
  if (t->base.shut) {  // nothing may follow our close_notify
    out_drop(t);
    return;
  }
  struct bytes mine = *shared;
  *shared = (struct bytes){0};
  burst_flush(burst_of(t), t);  // records made earlier go first
  stream_write(t->transport, mine.data, mine.len);
  free(shared->data);
  *shared = mine;
  shared->len = 0;
}

static void drop_input(struct tls *t) {
  free(t->stash.data);
  t->stash = (struct bytes){0};
  t->io.in = NULL;
  t->io.in_len = 0;
}

static bool input_is_in_stash(const struct tls *t) {
  return t->io.in_len > 0 && t->stash.data != NULL &&
         t->io.in + t->io.in_len == t->stash.data + t->stash.len;
}

// Keeps what was not read beyond the event that brought it, or frees the stash
// when all was read.
static void keep_input(struct tls *t) {
  if (t->io.in_len == 0) {
    drop_input(t);
  } else if (!input_is_in_stash(t)) {
    struct bytes rest = {0};
    bytes_append(&rest, t->io.in, t->io.in_len);
    drop_input(t);
    t->stash = rest;
    t->io.in = rest.data;
    t->io.in_len = rest.len;
  }
}

// Decrypting fills the plain buffer; when the transport is itself a TLS
// session, that is where its bytes are.
static bool is_in_plain_buffer(const struct tls *t, const uint8_t *data) {
  uintptr_t plain = (uintptr_t)worker_plain_buffer(t->base.worker);
  return (uintptr_t)data - plain < kWorkerPlainSize;
}

// Takes new ciphertext, borrowed until keep_input.
static void take_input(struct tls *t, const uint8_t *data, size_t len) {
  if (t->keeps_hello) {
    // BoringSSL gives up on a ClientHello above 16 KiB, so this ends.
    bytes_append(&t->hello, data, len);
  }
  if (t->io.in_len > 0 || is_in_plain_buffer(t, data)) {
    struct bytes all = {0};
    bytes_append(&all, t->io.in, t->io.in_len);
    bytes_append(&all, data, len);
    drop_input(t);
    t->stash = all;
    data = all.data;
    len = all.len;
  }
  t->io.in = data;
  t->io.in_len = len;
}

static void forget_hello(struct tls *t) {
  t->keeps_hello = false;
  free(t->hello.data);
  t->hello = (struct bytes){0};
}

// The handshake.

static void handshake_finish(struct tls *t, enum tls_state state,
                             enum tls_status status) {
  t->state = state;
  stream_read_stop(t->transport);
  if (state == STATE_FAILED) {
    drop_input(t);
  } else {
    keep_input(t);
  }
  tls_handshake_cb *done = t->done;
  t->done = NULL;
  done(t->done_owner, status, status == TLS_FAILED ? &t->error : NULL);
}

static void handshake_break(struct tls *t) {
  t->error.ssl_err = ERR_get_error();
  t->error.verify_result = X509_V_OK;
  t->error.alert = alert_of(t->error.ssl_err);
  if (ERR_GET_LIB(t->error.ssl_err) == ERR_LIB_SSL &&
      ERR_GET_REASON(t->error.ssl_err) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    t->error.verify_result = verify_result_get(t->ssl);
  }
  if (t->keeps_hello) {
    out_drop(t);
  } else {
    out_send(t);
  }
  handshake_finish(t, STATE_FAILED, TLS_FAILED);
}

static void handshake_step(struct tls *t) {
  out_begin(t);
  enum tls_result result = result_of(t, SSL_do_handshake(t->ssl));
  if (result == RESULT_BROKEN || result == RESULT_CLOSE_NOTIFY) {
    t->error.uv_err = result == RESULT_CLOSE_NOTIFY ? UV_EOF : 0;
    handshake_break(t);
    return;
  }
  if (t->keeps_hello && t->io.out->len > 0) {
    forget_hello(t);  // the ClientHello is answered: no way back
  }
  out_send(t);
  if (result == RESULT_DONE) {
    forget_hello(t);
    handshake_finish(t, STATE_OPEN, TLS_OK);
  } else if (result == RESULT_PAUSED) {
    handshake_finish(t, STATE_PAUSED, TLS_PAUSED);
  } else {
    keep_input(t);
    stream_read_start(t->transport);
  }
}

static void on_handshake_start(void *owner) {
  struct tls *t = owner;
  if (t->error.uv_err != 0) {
    handshake_finish(t, STATE_FAILED, TLS_FAILED);
  } else {
    handshake_step(t);
  }
}

static void handshake_lose_transport(struct tls *t, int err) {
  t->error.uv_err = err != 0 ? err : UV_EOF;
  if (t->state == STATE_HANDSHAKE) {
    worker_undefer(t->base.worker, &t->base.task);
    handshake_finish(t, STATE_FAILED, TLS_FAILED);
  }  // else the handshake fails when it is started
}

void tls_handshake_start(struct tls *t, tls_handshake_cb *done, void *owner) {
  assert(t->state == STATE_NEW || t->state == STATE_PAUSED);
  if (t->state == STATE_PAUSED) {
    forget_hello(t);
  }
  t->state = STATE_HANDSHAKE;
  t->done = done;
  t->done_owner = owner;
  worker_defer(t->base.worker, &t->base.task, on_handshake_start, t);
}

// The open session.

// Decrypts as many records as fit into the worker's buffer and hands them on.
// Returns whether there may be more.
static bool pump_once(struct tls *t) {
  struct worker *worker = t->base.worker;
  uint8_t *plain = worker_plain_buffer(t->base.worker);
  size_t len = 0;
  enum tls_result result = RESULT_DONE;
  out_begin(t);
  while (len < kWorkerPlainSize && result == RESULT_DONE) {
    int n = SSL_read(t->ssl, plain + len, (int)(kWorkerPlainSize - len));
    if (n > 0) {
      len += (size_t)n;
    } else {
      result = result_of(t, n);
    }
  }
  if (result == RESULT_BROKEN) {
    t->error.alert = alert_of(ERR_peek_error());
  }
  out_send(t);  // answers to key updates, or the alert that ends it all
  if (result == RESULT_CLOSE_NOTIFY || result == RESULT_BROKEN) {
    drop_input(t);
  }
  if (len > 0) {
    stream_emit_data(&t->base, plain, len);
  }
  if (result != RESULT_DONE && result != RESULT_WANTS_INPUT) {
    // Whoever is told of the end sees what is pending then.
    burst_end(worker_burst(worker), true);
  }
  if (result == RESULT_CLOSE_NOTIFY) {
    stream_emit_end(&t->base, 0);
  } else if (result != RESULT_DONE && result != RESULT_WANTS_INPUT) {
    stream_emit_end(&t->base, UV_EPROTO);
  }
  return result == RESULT_DONE;
}

static void tls_pump(struct stream *s) {
  struct tls *t = tls_of(s);
  struct burst *burst = burst_of(t);
  bool was_on = burst_begin(burst);
  while (stream_is_flowing(s) && pump_once(t)) {
  }
  burst_end(burst, was_on);
  if (stream_is_flowing(s) && s->sink != NULL && stream_pending(s->sink) > 0) {
    stream_emit_moved(s, 0);  // what was gathered did not all leave
  }
  if (!s->closed) {
    keep_input(t);
  }
}

static bool tls_has_input(const struct stream *s) {
  const struct tls *t = (const struct tls *)s;
  return t->io.in_len > 0 || SSL_pending(t->ssl) > 0;
}

static void tls_want(struct stream *s, bool on) {
  if (on) {
    stream_read_start(tls_of(s)->transport);
  } else {
    stream_read_stop(tls_of(s)->transport);
  }
}

// Chooses how much of `len` bytes to send next, and in what records.
static size_t choose_records(struct tls *t, size_t len) {
  size_t chunk = len < kWorkerReadSize ? len : kWorkerReadSize;
  if (t->begins_small) {
    size_t record;
    uint64_t now = uv_now(worker_loop(t->base.worker));
    chunk = record_size_next(&t->record_size, &record, now, chunk);
    SSL_set_max_send_fragment(t->ssl, record);
  }
  return chunk;
}

static void send_gathered(void *owner, const struct bytes *gathered) {
  struct tls *t = owner;
  stream_write(t->transport, gathered->data, gathered->len);
}

// Makes records of `len` bytes, and sends them now or with what else the event
// brings. Returns what SSL_write does.
static int seal(struct tls *t, const uint8_t *data, size_t len) {
  struct bytes *gathered = burst_gather(burst_of(t), t, send_gathered);
  if (gathered == NULL) {
    out_begin(t);
    int n = SSL_write(t->ssl, data, (int)len);
    out_send(t);
    return n;
  }
  struct bytes *out = t->io.out;
  t->io.out = gathered;
  int n = SSL_write(t->ssl, data, (int)len);
  t->io.out = out;
  if (gathered->len >= kWorkerReadSize) {
    burst_flush(burst_of(t), t);
  }
  return n;
}

static void tls_write(struct stream *s, const uint8_t *data, size_t len) {
  struct tls *t = tls_of(s);
  while (len > 0 && !s->dead) {
    size_t chunk = choose_records(t, len);
    int n = seal(t, data, chunk);
    if (n <= 0) {
      stream_fail(s, UV_EPROTO);
      return;
    }
    data += n;
    len -= (size_t)n;
  }
}

static size_t tls_pending(const struct stream *s) {
  return stream_pending(((const struct tls *)s)->transport);
}

static void tls_shutdown(struct stream *s, bool whole) {
  struct tls *t = tls_of(s);
  burst_flush(burst_of(t), t);
  if (whole) {
    out_begin(t);
    SSL_shutdown(t->ssl);  // only writes close_notify, the first time
    out_send(t);
  }
  stream_end_output(t->transport, whole);
}

static void free_session(void *owner) {
  struct tls *t = owner;
  SSL_free(t->ssl);
  drop_input(t);
  free(t->hello.data);
  free(t);
}

static void tls_release(struct stream *s) {
  struct tls *t = tls_of(s);
  burst_drop(burst_of(t), t);
  stream_close(t->transport);
  t->transport = NULL;
  // From the loop: this may be an event of the session's own.
  worker_defer(s->worker, &s->task, free_session, t);
}

static const struct stream_ops kTlsOps = {
    .want = tls_want,
    .has_input = tls_has_input,
    .pump = tls_pump,
    .write = tls_write,
    .pending = tls_pending,
    .shutdown = tls_shutdown,
    .splices = true,
    .close = tls_release,
};

// The transport's events.

static void on_transport_data(void *owner, const uint8_t *data, size_t len) {
  struct tls *t = owner;
  take_input(t, data, len);
  if (t->state == STATE_HANDSHAKE) {
    handshake_step(t);
  } else if (t->state == STATE_OPEN) {
    tls_pump(&t->base);
  } else {
    keep_input(t);
  }
}

static void on_transport_end(void *owner, int err) {
  struct tls *t = owner;
  if (t->state != STATE_OPEN) {
    handshake_lose_transport(t, err);
  } else if (err != 0) {
    stream_fail(&t->base, err);
  } else {
    // RFC 8446, section 6.1: an end without close_notify may be a truncation.
    stream_emit_end(&t->base, UV_EOF);
  }
}

static void on_transport_drained(void *owner) {
  struct tls *t = owner;
  stream_emit_drained(&t->base);
}

static const struct stream_events kTransportEvents = {
    on_transport_data, on_transport_end, on_transport_drained};

// Making and closing.

static struct tls *tls_new(struct worker *worker, struct stream *transport,
                           SSL *ssl) {
  struct tls *t = xcalloc(1, sizeof(*t));
  stream_init(&t->base, &kTlsOps, worker);
  t->transport = transport;
  t->ssl = ssl;
  t->io.out = worker_out_buffer(worker);
  BIO *bio = tls_bio_new(&t->io);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_shed_handshake_config(ssl, 1);
  stream_read_stop(transport);
  stream_set_events(transport, &kTransportEvents, t);
  return t;
}

struct tls *tls_client_new(struct worker *worker, struct stream *transport,
                           SSL *ssl) {
  SSL_set_connect_state(ssl);
  struct tls *t = tls_new(worker, transport, ssl);
  t->begins_small = true;
  return t;
}

struct tls *tls_server_new(struct worker *worker, struct stream *transport,
                           SSL *ssl) {
  SSL_set_accept_state(ssl);
  struct tls *t = tls_new(worker, transport, ssl);
  t->keeps_hello = true;
  return t;
}

struct stream *tls_stream(struct tls *t) {
  assert(t->state == STATE_OPEN);
  return &t->base;
}

SSL *tls_ssl(struct tls *t) { return t->ssl; }

uint8_t tls_alert(const struct tls *t) { return t->error.alert; }

const uint8_t *tls_hello_bytes(const struct tls *t, size_t *out_len) {
  *out_len = t->hello.len;
  return t->hello.data;
}

struct stream *tls_unwrap(struct tls *t) {
  assert(t->keeps_hello);
  struct stream *transport = t->transport;
  stream_set_events(transport, NULL, NULL);
  stream_unread(transport, t->hello.data, t->hello.len);
  stream_unend(transport);
  t->transport = NULL;
  stream_close(&t->base);
  return transport;
}

void tls_close(struct tls *t) {
  if (t != NULL) {
    stream_close(&t->base);
  }
}
