#include "ech/doh_session.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <strings.h>

#include "ech/dns_session_impl.h"
#include "net/xalloc.h"

enum {
  kMaxMessage = 65535,  // RFC 8484, section 6
  kMaxHeaderList = 16 * 1024,
};

struct doh_exchange {
  struct dns_exchange base;
  int32_t stream_id;
  size_t query_sent;
  bool is_ok;   // :status is 200
  bool is_dns;  // content-type is application/dns-message
  bool ended;   // the answer is whole
  struct bytes message;
};

struct doh_session {
  struct dns_session base;
  struct stream *stream;
  const struct dns_server *server;
  nghttp2_session *h2;
  char authority[sizeof(((struct dns_server *)NULL)->host) + 8];
  struct task pump;  // sends what nghttp2 has to say
  struct bytes out;  // what one pump sends
};

// What of an answer is used; the rest of its header is not looked at.
static void read_field(struct doh_exchange *x, const char *name,
                       const char *value) {
  if (strcmp(name, ":status") == 0) {
    x->is_ok = strcmp(value, "200") == 0;
  } else if (strcmp(name, "content-type") == 0) {
    static const char kType[] = "application/dns-message";
    size_t len = sizeof(kType) - 1;
    x->is_dns = strncasecmp(value, kType, len) == 0 &&
                (value[len] == '\0' || value[len] == ';' || value[len] == ' ');
  }
}

// Tells the outcome of `x`, with the answer that has come.
static void exchange_finish(struct doh_exchange *x,
                            enum channel_status status) {
  uint8_t *message = NULL;
  size_t len = 0;
  if (status == CHANNEL_OK) {
    message = x->message.data;
    len = x->message.len;
    x->message.data = NULL;  // handed on
  }
  dns_exchange_finish(&x->base, status, message, len);
}

static enum channel_status outcome_of(const struct doh_exchange *x) {
  if (!x->ended) {
    return CHANNEL_BROKEN;
  }
  if (!x->is_ok) {
    return CHANNEL_HTTP_ERROR;
  }
  return x->is_dns && x->message.len > 0 ? CHANNEL_OK : CHANNEL_NOT_DNS;
}

// Resets the stream of `x` and lets nghttp2 forget `x`.
static void exchange_reset(struct dns_exchange *base) {
  struct doh_exchange *x = (struct doh_exchange *)base;
  nghttp2_session *h2 = ((struct doh_session *)base->session)->h2;
  nghttp2_session_set_stream_user_data(h2, x->stream_id, NULL);
  nghttp2_submit_rst_stream(h2, NGHTTP2_FLAG_NONE, x->stream_id,
                            NGHTTP2_CANCEL);
}

static int on_header(nghttp2_session *h2, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user) {
  (void)name_len, (void)value_len, (void)flags, (void)user;
  struct doh_exchange *x =
      nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
  if (x != NULL) {
    x->base.touched = true;
    read_field(x, (const char *)name, (const char *)value);
  }
  return 0;
}

static int on_body(nghttp2_session *h2, uint8_t flags, int32_t stream_id,
                   const uint8_t *data, size_t len, void *user) {
  (void)flags, (void)user;
  struct doh_exchange *x = nghttp2_session_get_stream_user_data(h2, stream_id);
  if (x == NULL) {
    return 0;
  }
  if (len > kMaxMessage - x->message.len) {
    exchange_reset(&x->base);
    exchange_finish(x, CHANNEL_NOT_DNS);
    return 0;
  }
  bytes_append(&x->message, data, len);
  return 0;
}

static int on_frame(nghttp2_session *h2, const nghttp2_frame *frame,
                    void *user) {
  (void)user;
  bool may_end =
      frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
    struct doh_exchange *x =
        nghttp2_session_get_stream_user_data(h2, frame->hd.stream_id);
    if (x != NULL) {
      x->ended = true;
    }
  }
  return 0;
}

static int on_stream_close(nghttp2_session *h2, int32_t stream_id,
                           uint32_t error_code, void *user) {
  (void)error_code, (void)user;
  struct doh_exchange *x = nghttp2_session_get_stream_user_data(h2, stream_id);
  if (x != NULL) {
    exchange_finish(x, outcome_of(x));
  }
  return 0;
}

static ssize_t read_body(nghttp2_session *h2, int32_t stream_id, uint8_t *out,
                         size_t out_size, uint32_t *out_flags,
                         nghttp2_data_source *source, void *user) {
  (void)source, (void)user;
  struct doh_exchange *x = nghttp2_session_get_stream_user_data(h2, stream_id);
  if (x == NULL) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  size_t len = x->base.query_len - x->query_sent;
  len = len < out_size ? len : out_size;
  memcpy(out, x->base.query + x->query_sent, len);
  x->query_sent += len;
  if (x->query_sent == x->base.query_len) {
    *out_flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)len;
}

// Collects what nghttp2 has to send. False when the session is broken.
static bool collect(struct doh_session *s) {
  s->out.len = 0;
  for (;;) {
    const uint8_t *data;
    ssize_t len = nghttp2_session_mem_send(s->h2, &data);
    if (len <= 0) {
      return len == 0;
    }
    bytes_append(&s->out, data, (size_t)len);
  }
}

// Sends what nghttp2 has to send, with one write for many frames, unless the
// kernel has not taken the last yet: nghttp2 then bounds what waits.
static void pump(void *owner) {
  struct doh_session *s = owner;
  if (stream_pending(s->stream) > 0) {
    return;  // on_drained comes back here
  }
  if (!collect(s)) {
    dns_session_end(&s->base);
    return;
  }
  if (s->out.len > 0) {
    stream_write(s->stream, s->out.data, s->out.len);
  }
  bool is_over =
      !nghttp2_session_want_read(s->h2) && !nghttp2_session_want_write(s->h2);
  if (is_over) {
    dns_session_end(&s->base);
  } else {
    dns_session_end_if_over(&s->base);
  }
}

static void schedule_pump(struct doh_session *s) {
  worker_defer(s->base.worker, &s->pump, pump, s);
}

static void on_stream_data(void *owner, const uint8_t *data, size_t len) {
  struct doh_session *s = owner;
  dns_session_hear(&s->base);
  if (nghttp2_session_mem_recv(s->h2, data, len) < 0) {
    dns_session_end(&s->base);
    return;
  }
  schedule_pump(s);
}

static void on_stream_end(void *owner, int err) {
  (void)err;
  dns_session_end(owner);
}

static nghttp2_session *h2_client_new(struct doh_session *s) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_session *h2;
  if (nghttp2_session_callbacks_new(&callbacks) != 0) {
    abort();  // out of memory
  }
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_body);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         on_stream_close);
  if (nghttp2_session_client_new(&h2, callbacks, s) != 0) {
    abort();
  }
  nghttp2_session_callbacks_del(callbacks);
  static const nghttp2_settings_entry kSettings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
  };
  if (nghttp2_submit_settings(h2, NGHTTP2_FLAG_NONE, kSettings,
                              sizeof(kSettings) / sizeof(kSettings[0])) != 0) {
    abort();
  }
  return h2;
}

static void authority_write(struct doh_session *s) {
  bool is_ipv6 = strchr(s->server->host, ':') != NULL;
  char port[8] = "";
  if (s->server->port != 443) {
    snprintf(port, sizeof(port), ":%u", (unsigned)s->server->port);
  }
  snprintf(s->authority, sizeof(s->authority), "%s%s%s%s", is_ipv6 ? "[" : "",
           s->server->host, is_ipv6 ? "]" : "", port);
}

static void disconnect(struct dns_session *base) {
  struct doh_session *s = (struct doh_session *)base;
  worker_undefer(base->worker, &s->pump);
  stream_close(s->stream);
  s->stream = NULL;
}

static void cleanup(struct dns_session *base) {
  struct doh_session *s = (struct doh_session *)base;
  nghttp2_session_del(s->h2);  // tells of no stream
  free(s->out.data);
}

static void wake(struct dns_session *base) {
  schedule_pump((struct doh_session *)base);
}

static bool is_open(const struct dns_session *base) {
  const struct doh_session *s = (const struct doh_session *)base;
  return nghttp2_session_check_request_allowed(s->h2);
}

// Sends a PING.
static void probe(struct dns_session *base) {
  struct doh_session *s = (struct doh_session *)base;
  nghttp2_submit_ping(s->h2, NGHTTP2_FLAG_NONE, NULL);
  schedule_pump(s);
}

static nghttp2_nv field(const char *name, const char *value) {
  return (nghttp2_nv){
      .name = (uint8_t *)name,
      .value = (uint8_t *)value,
      .namelen = strlen(name),
      .valuelen = strlen(value),
  };
}

static void post(struct dns_exchange *base) {
  struct doh_exchange *x = (struct doh_exchange *)base;
  struct doh_session *s = (struct doh_session *)base->session;
  char length[24];
  snprintf(length, sizeof(length), "%zu", base->query_len);
  // Nothing that tells one client from another: no user-agent, no cookies.
  const nghttp2_nv fields[] = {
      field(":method", "POST"),
      field(":scheme", "https"),
      field(":authority", s->authority),
      field(":path", s->server->path),
      field("accept", "application/dns-message"),
      field("content-type", "application/dns-message"),
      field("content-length", length),
  };
  const nghttp2_data_provider provider = {.read_callback = read_body};
  x->stream_id = nghttp2_submit_request(
      s->h2, NULL, fields, sizeof(fields) / sizeof(fields[0]), &provider, x);
  // A session that is open refuses a request for lack of memory only.
  if (x->stream_id < 0) {
    abort();
  }
  schedule_pump(s);
}

static void release(struct dns_exchange *base) {
  free(((struct doh_exchange *)base)->message.data);
}

struct dns_session *doh_session_new(struct worker *worker,
                                    struct stream *stream,
                                    const struct dns_server *server,
                                    dns_session_end_cb *on_end, void *owner) {
  static const struct dns_session_ops kOps = {
      .exchange_size = sizeof(struct doh_exchange),
      .disconnect = disconnect,
      .cleanup = cleanup,
      .wake = wake,
      .is_open = is_open,
      .probe = probe,
      .post = post,
      .drop = exchange_reset,
      .release = release,
  };
  static const struct stream_events kEvents = {
      .on_data = on_stream_data, .on_end = on_stream_end, .on_drained = pump};
  struct doh_session *s = xcalloc(1, sizeof(*s));
  dns_session_init(&s->base, &kOps, worker, on_end, owner);
  s->stream = stream;
  s->server = server;
  s->h2 = h2_client_new(s);
  authority_write(s);
  stream_set_events(stream, &kEvents, s);
  stream_read_start(stream);
  schedule_pump(s);
  return &s->base;
}
