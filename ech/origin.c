#include "ech/origin.h"

#include <assert.h>
#include <string.h>

#include "ech/config_list.h"
#include "ech/endpoint_race.h"
#include "ech/origin_attempt.h"
#include "ech/origin_memory.h"
#include "ech/race_candidates.h"
#include "ech/retry_configs.h"
#include "net/xalloc.h"

enum {
  kConnectTimeoutMs = 5000,  // for one endpoint's addresses
  // Of one dial: a site can list hundreds of addresses that all hang up.
  kMaxHandshakes = 8,
  // How long a connection made ahead may have waited: servers hang up on those
  // that say nothing.
  kMaxAheadMs = 1000,
};

struct origin {
  SSL_CTX *ctx;
  struct site_verifier *verifier;
  struct origin_memory *memory;
};

// A dial's life: start_connect, which origin_dial_prepare may do ahead of
// origin_dial_begin, start_handshake, and then either dial_finish, or
// start_reconnect to the same address with other configurations, or
// try_elsewhere.
struct origin_dial {
  struct origin *origin;
  struct worker *worker;
  char *host;
  uint16_t port;
  struct lookup_answer *answer;
  enum origin_privacy privacy;
  uint8_t *alpn;
  size_t alpn_len;
  struct origin_identity identity;  // `chain_len` 0: none
  const struct upstream *via;
  origin_dial_cb *done;  // NULL until the dial is begun
  void *owner;
  struct stream *ahead;  // connected before that and still open, or NULL
  uint64_t ahead_since;  // in uv_now's time

  // The endpoints that may be used, without the addresses where a handshake
  // failed; the one connected to last; and that one with nothing but the
  // address connected to, for a retry.
  struct race_candidates candidates;
  struct race_candidate *used;
  struct race_candidate again;
  size_t num_handshakes;
  enum origin_status failure;  // the network's last, for the dial's end

  uint8_t *retry_configs;  // for `retry_for`, in place of what it published
  size_t retry_configs_len;
  const struct race_candidate *retry_for;
  uint8_t *learned;  // for `used`, in place of what it published

  struct endpoint_race *race;  // one of these two at a time
  struct origin_attempt *attempt;
  struct bytes hello;        // the ClientHello sent last
  struct bytes inner_hello;  // the one that was encrypted in it
  struct task nowhere;
  uint64_t deadline;  // in uv_now's time
  uv_timer_t timer;   // it, or sooner the end of the handshake's share
  struct origin_report report;
};

struct origin *origin_new(X509_STORE *trust) {
  struct origin *origin = xcalloc(1, sizeof *origin);
  origin->ctx = origin_context_new();
  origin->verifier = site_verifier_new(trust);
  origin->memory = origin_memory_new();
  return origin;
}

void origin_free(struct origin *origin) {
  if (origin != NULL) {
    SSL_CTX_free(origin->ctx);
    site_verifier_free(origin->verifier);
    origin_memory_free(origin->memory);
    free(origin);
  }
}

void origin_forget(struct origin *origin) {
  origin_memory_clear(origin->memory);
  site_verifier_forget(origin->verifier);
}

static uint64_t now_of(const struct origin_dial *d) {
  return uv_now(worker_loop(d->worker));
}

static uint64_t time_left(const struct origin_dial *d) {
  uint64_t now = now_of(d);
  return d->deadline > now ? d->deadline - now : 0;
}

static void on_timer_closed(uv_handle_t *handle) {
  struct origin_dial *d = handle->data;
  lookup_answer_unref(d->answer);
  free(d->host);
  free(d->alpn);
  free(d->retry_configs);
  free(d->learned);
  free(d->hello.data);
  free(d->inner_hello.data);
  free(d);
}

// drop_connection ends what connecting has come to.
static void drop_connection(struct origin_dial *d) {
  endpoint_race_cancel(d->race);
  d->race = NULL;
  stream_close(d->ahead);
  d->ahead = NULL;
}

void origin_dial_cancel(struct origin_dial *dial) {
  if (dial == NULL) {
    return;
  }
  worker_undefer(dial->worker, &dial->nowhere);
  drop_connection(dial);
  origin_attempt_cancel(dial->attempt);
  dial->attempt = NULL;
  uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
}

// dial_finish reports `status`. The caller returns at once: `d` may be gone.
static void dial_finish(struct origin_dial *d, enum origin_status status,
                        struct tls *tls) {
  d->report.hello = d->hello.data;
  d->report.hello_len = d->hello.len;
  d->report.inner_hello = d->inner_hello.data;
  d->report.inner_hello_len = d->inner_hello.len;
  d->done(d->owner, status, tls, &d->report);
  origin_dial_cancel(d);
}

static void on_timer(uv_timer_t *timer);

static void start_timer(struct origin_dial *d, uint64_t timeout_ms) {
  uint64_t left = time_left(d);
  uv_timer_start(&d->timer, on_timer, left < timeout_ms ? left : timeout_ms, 0);
}

// Connecting, to the first endpoint that answers.

// find_candidates gathers what a client of `alpn` may connect to. When there is
// nothing, it returns why.
static enum origin_status find_candidates(struct race_candidates *out,
                                          const struct origin_dial *d,
                                          const uint8_t *alpn,
                                          size_t alpn_len) {
  if (d->privacy == ORIGIN_CLEAR) {
    race_candidates_add_host(out, d->answer);
  } else if (!race_candidates_add_ech(out, d->answer, alpn, alpn_len)) {
    return ORIGIN_NO_COMPATIBLE_ENDPOINT;
  }
  return out->num > 0 ? ORIGIN_OK : ORIGIN_NO_ADDRESS;
}

static void start_handshake(struct origin_dial *d, struct stream *stream);

static struct tls_error connect_error(const struct origin_dial *d, int err) {
  return (struct tls_error){.uv_err = err, .via_upstream = d->via != NULL};
}

// fail_to_connect ends the dial. A handshake that failed before says more than
// that what was left to try is dead.
static void fail_to_connect(struct origin_dial *d, int err) {
  if (d->failure == ORIGIN_UNREACHABLE) {
    d->report.error = connect_error(d, err);
  }
  dial_finish(d, d->failure, NULL);
}

// A server may end a connection on which nothing is said. Begun, the dial makes
// another.
static void on_ahead_end(void *owner, int err) {
  struct origin_dial *d = owner;
  (void)err;
  drop_connection(d);
}

// What speaks first is no TLS server, which its handshake will show.
static void on_ahead_data(void *owner, const uint8_t *data, size_t len) {
  struct origin_dial *d = owner;
  stream_read_stop(d->ahead);
  stream_unread(d->ahead, data, len);
}

// keep_for_later takes `stream`, until the dial is begun.
static void keep_for_later(struct origin_dial *d, struct stream *stream) {
  static const struct stream_events kEvents = {.on_data = on_ahead_data,
                                               .on_end = on_ahead_end};
  d->ahead = stream;
  d->ahead_since = now_of(d);
  stream_set_events(stream, &kEvents, d);
  stream_read_start(stream);
}

static void on_connected(void *owner, int err, struct stream *stream,
                         struct race_candidate *winner,
                         const struct address *address) {
  struct origin_dial *d = owner;
  d->race = NULL;
  if (err == 0) {
    d->report.address = *address;
    d->used = winner;
  }
  if (d->done != NULL) {
    if (err == 0) {
      start_handshake(d, stream);
    } else {
      fail_to_connect(d, err);
    }
  } else if (err == 0) {  // else it is tried once more when it is begun
    keep_for_later(d, stream);
  }
}

static void start_race(struct origin_dial *d) {
  d->race = endpoint_race_start(d->worker, d->via, d->candidates.list,
                                d->candidates.num, kConnectTimeoutMs,
                                on_connected, d);
}

static void start_connect(struct origin_dial *d) {
  start_timer(d, UINT64_MAX);
  start_race(d);
}

// try_elsewhere goes on after the network has failed a handshake, or ends the
// dial with `failure` when nothing is left to try.
static void try_elsewhere(struct origin_dial *d, enum origin_status failure) {
  d->failure = failure;
  origin_attempt_cancel(d->attempt);
  d->attempt = NULL;
  race_candidate_drop(d->used, &d->report.address);
  if (d->num_handshakes < kMaxHandshakes &&
      race_candidates_num_addresses(&d->candidates) > 0) {
    start_connect(d);
  } else {
    dial_finish(d, failure, NULL);
  }
}

static void on_nowhere(void *owner) {
  struct origin_dial *d = owner;
  dial_finish(d, d->failure, NULL);
}

// fail_soon ends the dial with `failure`, from the loop.
static void fail_soon(struct origin_dial *d, enum origin_status failure) {
  d->failure = failure;
  worker_defer(d->worker, &d->nowhere, on_nowhere, d);
}

static struct origin_dial *dial_new(struct origin *origin,
                                    struct worker *worker,
                                    const struct origin_request *request) {
  assert(request->privacy == ORIGIN_CLEAR ||
         request->answer->status == LOOKUP_ECH);
  struct origin_dial *d = xcalloc(1, sizeof *d);
  d->origin = origin;
  d->worker = worker;
  d->host = xstrdup(request->host);
  d->port = request->port;
  lookup_answer_ref(request->answer);
  d->answer = request->answer;
  d->privacy = request->privacy;
  if (request->identity != NULL && d->privacy == ORIGIN_PRIVATE) {
    d->identity = *request->identity;
  }
  d->via = request->via;
  d->failure = ORIGIN_UNREACHABLE;
  uv_timer_init(worker_loop(worker), &d->timer);
  d->timer.data = d;
  return d;
}

struct origin_dial *origin_dial_prepare(struct origin *origin,
                                        struct worker *worker,
                                        const struct origin_request *request) {
  static const uint8_t kUsual[] = "\x02h2\x08http/1.1";
  struct origin_dial *d = dial_new(origin, worker, request);
  // An upstream proxy would be asked for what may not be wanted.
  if (d->via == NULL && find_candidates(&d->candidates, d, kUsual,
                                        sizeof kUsual - 1) == ORIGIN_OK) {
    start_race(d);
  }
  return d;
}

// keep_ahead says whether what was begun ahead leads where `wanted` does, and
// can still be used.
static bool keep_ahead(const struct origin_dial *d,
                       const struct race_candidates *wanted) {
  for (size_t i = 0; i < wanted->num; i++) {
    if (wanted->list[i].endpoint != d->candidates.list[i].endpoint) {
      return false;
    }
  }
  return wanted->num == d->candidates.num &&
         (d->race != NULL ||
          (d->ahead != NULL && now_of(d) - d->ahead_since <= kMaxAheadMs));
}

// go_on_ahead goes on with what origin_dial_prepare began.
static void go_on_ahead(struct origin_dial *d) {
  struct stream *stream = d->ahead;
  d->ahead = NULL;
  if (stream != NULL) {
    start_handshake(d, stream);
  } else {
    start_timer(d, UINT64_MAX);
  }
}

void origin_dial_begin(struct origin_dial *d, const uint8_t *alpn,
                       size_t alpn_len, uint64_t timeout_ms,
                       origin_dial_cb *done, void *owner) {
  struct race_candidates wanted = {0};
  uv_loop_t *loop = worker_loop(d->worker);
  d->alpn = xmemdup(alpn, alpn_len);
  d->alpn_len = alpn_len;
  d->done = done;
  d->owner = owner;
  uv_update_time(loop);  // it stands still during a turn
  d->deadline =
      uv_now(loop) + (timeout_ms != 0 ? timeout_ms : kOriginTimeoutMs);
  enum origin_status status = find_candidates(&wanted, d, alpn, alpn_len);
  if (status == ORIGIN_OK && keep_ahead(d, &wanted)) {
    go_on_ahead(d);
    return;
  }
  drop_connection(d);
  d->candidates = wanted;
  if (status == ORIGIN_OK) {
    start_connect(d);
  } else {
    fail_soon(d, status);
  }
}

struct origin_dial *origin_dial_start(struct origin *origin,
                                      struct worker *worker,
                                      const struct origin_request *request,
                                      origin_dial_cb *done, void *owner) {
  struct origin_dial *d = dial_new(origin, worker, request);
  origin_dial_begin(d, request->alpn, request->alpn_len, request->timeout_ms,
                    done, owner);
  return d;
}

// The handshake, with the endpoint's own configuration.

static struct origin_site site_of(const struct origin_dial *d) {
  return (struct origin_site){d->host, d->port};
}

static const struct origin_identity *identity_of(const struct origin_dial *d) {
  return d->identity.chain_len > 0 ? &d->identity : NULL;
}

// choose_configs returns the list to offer ECH with, borrowed until it is
// called again: the server's own if it sent one in this dial or, as far as it
// is still remembered, in an earlier one, and else the published one.
static const uint8_t *choose_configs(struct origin_dial *d, size_t *out_len) {
  const struct endpoint *endpoint = d->used->endpoint;
  if (d->used == d->retry_for) {
    *out_len = d->retry_configs_len;
    return d->retry_configs;
  }
  free(d->learned);
  d->learned = origin_memory_configs(d->origin->memory, out_len, site_of(d),
                                     endpoint, now_of(d));
  d->report.learned = d->learned != NULL;
  if (d->learned != NULL) {
    return d->learned;
  }
  *out_len = endpoint->ech_len;
  return endpoint->ech;
}

// learn keeps the configurations with which a retry succeeded.
static void learn(struct origin_dial *d) {
  if (d->used == d->retry_for) {
    origin_memory_learn(d->origin->memory, site_of(d), d->used->endpoint,
                        d->retry_configs, d->retry_configs_len,
                        d->answer->expires_at, now_of(d));
  }
}

static void unlearn(struct origin_dial *d) {
  if (d->report.learned) {
    origin_memory_unlearn(d->origin->memory, site_of(d), d->used->endpoint);
    d->report.learned = false;
  }
}

static SSL *new_ssl(struct origin_dial *d) {
  struct origin_session_spec spec = {.verifier = d->origin->verifier,
                                     .host = d->host,
                                     .alpn = d->alpn,
                                     .alpn_len = d->alpn_len,
                                     .identity = identity_of(d)};
  struct ech_config_entry entry;
  if (d->privacy == ORIGIN_PRIVATE) {
    spec.ech = choose_configs(d, &spec.ech_len);
  }
  SSL *ssl = origin_session_new(d->origin->ctx, &spec);
  if (ssl == NULL) {
    return NULL;
  }
  if (spec.ech != NULL) {
    if (ech_config_list_usable(spec.ech, spec.ech_len, &entry)) {
      memcpy(d->report.public_name, entry.public_name,
             sizeof entry.public_name);
    }
    origin_memory_attach(d->origin->memory, ssl, site_of(d), identity_of(d));
  }
  return ssl;
}

static void on_reconnected(void *owner, int err, struct stream *stream,
                           struct race_candidate *winner,
                           const struct address *address) {
  (void)winner;
  (void)address;
  struct origin_dial *d = owner;
  d->race = NULL;
  if (err == 0) {
    start_handshake(d, stream);
    return;
  }
  d->report.error = connect_error(d, err);
  if (d->via != NULL && upstream_error_is_final(err)) {
    dial_finish(d, ORIGIN_UNREACHABLE, NULL);
  } else {
    try_elsewhere(d, ORIGIN_UNREACHABLE);
  }
}

// start_reconnect begins anew with the same address.
static void start_reconnect(struct origin_dial *d) {
  d->again = (struct race_candidate){.addresses = {d->report.address},
                                     .num_addresses = 1};
  d->failure = ORIGIN_UNREACHABLE;
  start_timer(d, UINT64_MAX);
  d->race = endpoint_race_start(d->worker, d->via, &d->again, 1,
                                kConnectTimeoutMs, on_reconnected, d);
}

// Goes on after the server, authenticated for its public name, has rejected
// ECH (RFC 9849, section 6.1.6).
static void on_rejected(struct origin_dial *d, const uint8_t *configs,
                        size_t configs_len) {
  enum retry_meaning meaning =
      retry_configs_read(configs, configs_len, d->host);
  if (d->report.retried) {
    dial_finish(d, ORIGIN_ECH_REJECTED, NULL);
  } else if (meaning == RETRY_REPLACES) {
    d->retry_configs = xmemdup(configs, configs_len);
    d->retry_configs_len = configs_len;
    d->retry_for = d->used;
    d->report.retried = true;
    start_reconnect(d);
  } else {
    dial_finish(
        d,
        meaning == RETRY_DISABLES ? ORIGIN_ECH_DISABLED : ORIGIN_ECH_REJECTED,
        NULL);
  }
}

// Learned configurations are a shortcut: where they lead nowhere, the published
// ones decide. So it takes these to say that ECH is switched off.
static bool is_about_ech(const struct origin_dial *d, enum origin_status status,
                         const uint8_t *configs, size_t configs_len) {
  return status == ORIGIN_BAD_PUBLIC_NAME ||
         (status == ORIGIN_ECH_REJECTED &&
          retry_configs_read(configs, configs_len, d->host) != RETRY_REPLACES);
}

static void on_attempted(void *owner, enum origin_status status,
                         struct tls *tls, const uint8_t *configs,
                         size_t configs_len) {
  struct origin_dial *d = owner;
  bool was_learned = d->report.learned;
  d->attempt = NULL;
  if (status == ORIGIN_OK) {
    learn(d);
    dial_finish(d, status, tls);
    return;
  }
  unlearn(d);
  if (was_learned && is_about_ech(d, status, configs, configs_len)) {
    start_reconnect(d);
  } else if (status == ORIGIN_ECH_REJECTED) {
    on_rejected(d, configs, configs_len);
  } else if (status == ORIGIN_TLS_FAILED && d->report.error.uv_err != 0) {
    try_elsewhere(d, status);  // the network failed, not TLS
  } else {
    dial_finish(d, status, NULL);
  }
}

static void start_handshake(struct origin_dial *d, struct stream *stream) {
  d->report.learned = false;
  SSL *ssl = new_ssl(d);
  if (ssl == NULL) {
    stream_close(stream);
    fail_soon(d, ORIGIN_TLS_FAILED);
    return;
  }
  const struct origin_attempt_spec spec = {
      .stream = stream,
      .ssl = ssl,
      .with_ech = d->privacy == ORIGIN_PRIVATE,
      .has_identity = identity_of(d) != NULL,
      .report = &d->report,
      .hello = &d->hello,
      .inner_hello = &d->inner_hello,
  };
  // One that is dropped in silence leaves time for somewhere else.
  bool is_last = ++d->num_handshakes >= kMaxHandshakes ||
                 race_candidates_num_addresses(&d->candidates) <= 1;
  start_timer(d, is_last ? UINT64_MAX : time_left(d) / 2);
  d->attempt = origin_attempt_start(d->worker, &spec, on_attempted, d);
}

// The time is over, for the handshake or for all of the dial.
static void on_timer(uv_timer_t *timer) {
  struct origin_dial *d = timer->data;
  if (d->attempt == NULL) {
    fail_to_connect(d, UV_ETIMEDOUT);
  } else if (!origin_attempt_is_over(d->attempt)) {
    d->report.error = (struct tls_error){.uv_err = UV_ETIMEDOUT};
    unlearn(d);
    if (time_left(d) > 0) {
      try_elsewhere(d, ORIGIN_TIMEOUT);
    } else {
      dial_finish(d, ORIGIN_TIMEOUT, NULL);
    }
  }
}
