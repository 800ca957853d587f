#include "ech/framed_session.h"

#include <openssl/rand.h>

#include "ech/dns_message.h"
#include "ech/dns_session_impl.h"
#include "net/xalloc.h"

enum { kFrameLen = 2 };

struct framed_exchange {
  struct dns_exchange base;
  uint16_t id;
};

struct framed_session {
  struct dns_session base;
  struct stream *stream;
  struct bytes in;  // a frame that is not whole yet
};

static struct framed_exchange *find(struct framed_session *s, uint16_t id) {
  for (struct dns_exchange *x = s->base.exchanges; x != NULL; x = x->next) {
    struct framed_exchange *f = (struct framed_exchange *)x;
    if (f->id == id) {
      return f;
    }
  }
  return NULL;
}

// Takes one message that came in. False when the server does not speak DNS.
static bool take_message(struct framed_session *s, const uint8_t *message,
                         size_t len) {
  if (len < kDnsHeaderLen) {
    return false;
  }
  struct framed_exchange *x = find(s, dns_message_id(message));
  if (x == NULL ||
      !dns_message_answers(message, len, x->base.query, x->base.query_len)) {
    return true;  // perhaps of a query that was dropped
  }
  uint8_t *answer = xmemdup(message, len);
  dns_message_set_id(answer, 0);
  dns_exchange_finish(&x->base, CHANNEL_OK, answer, len);
  return true;
}

// Takes all frames of `s->in` that are whole.
static bool take_frames(struct framed_session *s) {
  size_t at = 0;
  while (s->in.len - at >= kFrameLen) {
    const uint8_t *frame = s->in.data + at;
    size_t len = (size_t)frame[0] << 8 | frame[1];
    if (s->in.len - at - kFrameLen < len) {
      break;
    }
    if (!take_message(s, frame + kFrameLen, len)) {
      return false;
    }
    at += kFrameLen + len;
  }
  if (at > 0) {
    s->in.len -= at;
    memmove(s->in.data, s->in.data + at, s->in.len);
  }
  return true;
}

// A frame is at most 65537 octets, and what came with it one read.
static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct framed_session *s = owner;
  dns_session_hear(&s->base);
  bytes_append(&s->in, data, len);
  if (take_frames(s)) {
    dns_session_end_if_over(&s->base);
  } else {
    dns_session_end(&s->base);
  }
}

static void on_end(void *owner, int err) {
  (void)err;
  dns_session_end(owner);
}

static void disconnect(struct dns_session *base) {
  struct framed_session *s = (struct framed_session *)base;
  stream_close(s->stream);
  s->stream = NULL;
}

static void cleanup(struct dns_session *base) {
  free(((struct framed_session *)base)->in.data);
}

// Length and message go out together (RFC 7766, section 8).
static void send_query(struct framed_session *s, uint16_t id,
                       const uint8_t *query, size_t len) {
  uint8_t frame[kFrameLen + kDnsQueryMaxLen];
  frame[0] = (uint8_t)(len >> 8);
  frame[1] = (uint8_t)len;
  memcpy(frame + kFrameLen, query, len);
  dns_message_set_id(frame + kFrameLen, id);
  stream_write(s->stream, frame, kFrameLen + len);
}

static uint16_t new_id(struct framed_session *s) {
  uint16_t id;
  do {
    RAND_bytes((uint8_t *)&id, sizeof(id));
  } while (find(s, id) != NULL);
  return id;
}

// Asks what every resolver knows. The answer is heard, and no exchange's.
static void probe(struct dns_session *base) {
  struct framed_session *s = (struct framed_session *)base;
  uint8_t query[kDnsQueryMaxLen];
  size_t len;
  if (dns_query_write(query, &len, ".", DNS_NS)) {
    send_query(s, new_id(s), query, len);
  }
}

static void post(struct dns_exchange *base) {
  struct framed_exchange *x = (struct framed_exchange *)base;
  struct framed_session *s = (struct framed_session *)base->session;
  x->id = new_id(s);
  send_query(s, x->id, base->query, base->query_len);
}

struct dns_session *framed_session_new(struct worker *worker,
                                       struct stream *stream,
                                       dns_session_end_cb *on_session_end,
                                       void *owner) {
  static const struct dns_session_ops kOps = {
      .exchange_size = sizeof(struct framed_exchange),
      .disconnect = disconnect,
      .cleanup = cleanup,
      .probe = probe,
      .post = post,
  };
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  struct framed_session *s = xcalloc(1, sizeof(*s));
  dns_session_init(&s->base, &kOps, worker, on_session_end, owner);
  s->stream = stream;
  stream_set_events(stream, &kEvents, s);
  stream_read_start(stream);
  return &s->base;
}
