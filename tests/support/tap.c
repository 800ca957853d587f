#include "support/tap.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"

enum { kChunk = 65536, kPiece = 16, kMaxConnections = 4096 };

// What one end has sent, and how much of it the other end has been given.
struct flow {
  uint8_t *data;
  size_t len;
  size_t cap;
  size_t forgotten;  // recorded before tap_clear
  size_t sent;
  bool ended;       // the sender has closed its direction
  bool told_ended;  // so has our socket to the receiver
};

struct link {
  int fds[2];            // 0: towards the proxy, 1: towards the origin
  struct flow flows[2];  // flows[i] came from fds[i]
  struct link *next;
};

struct tap {
  pthread_t thread;
  pthread_mutex_t lock;  // over all below but `listener` and `wake`
  int listener;
  int wake[2];
  uint16_t origin_port;
  struct link *links;
  size_t num_links;
  bool stopping;
};

static void flow_append(struct flow *flow, const uint8_t *data, size_t len) {
  if (flow->cap - flow->len < len) {
    flow->cap = (flow->cap + len) * 2;
    flow->data = realloc(flow->data, flow->cap);
    if (flow->data == NULL) {
      abort();
    }
  }
  memcpy(flow->data + flow->len, data, len);
  flow->len += len;
}

static void link_shut(struct link *link) {
  for (int i = 0; i < 2; i++) {
    if (link->fds[i] >= 0) {
      close(link->fds[i]);
      link->fds[i] = -1;
    }
  }
}

// A reset at one end is a reset at the other, so that neither end sees a
// cleaner close than there was.
static void link_reset(struct link *link) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  for (int i = 0; i < 2; i++) {
    if (link->fds[i] >= 0) {
      setsockopt(link->fds[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
  }
  link_shut(link);
}

// The bytes of flow `from` that were not sent on yet. The recording keeps all,
// so that back-pressure must be asked for: at most kChunk wait.
static size_t flow_waiting(const struct flow *flow) {
  return flow->len - flow->sent;
}

static void link_read(struct link *link, int from) {
  uint8_t buffer[kChunk];
  ssize_t len = recv(link->fds[from], buffer, sizeof(buffer), MSG_DONTWAIT);
  if (len > 0) {
    flow_append(&link->flows[from], buffer, (size_t)len);
  } else if (len == 0) {
    link->flows[from].ended = true;
  } else if (errno != EAGAIN && errno != EINTR) {
    link_reset(link);
  }
}

static void link_write(struct link *link, int from) {
  struct flow *flow = &link->flows[from];
  ssize_t len = send(link->fds[1 - from], flow->data + flow->sent,
                     flow_waiting(flow), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (len > 0) {
    flow->sent += (size_t)len;
  } else if (len < 0 && errno != EAGAIN && errno != EINTR) {
    link_reset(link);
  }
}

static void link_pass_end(struct link *link, int from) {
  struct flow *flow = &link->flows[from];
  if (flow->ended && !flow->told_ended && flow_waiting(flow) == 0) {
    shutdown(link->fds[1 - from], SHUT_WR);
    flow->told_ended = true;
  }
  if (link->flows[0].told_ended && link->flows[1].told_ended) {
    link_shut(link);
  }
}

static short link_events(const struct link *link, int end) {
  const struct flow *in = &link->flows[end];
  const struct flow *out = &link->flows[1 - end];
  short events = 0;
  if (!in->ended && flow_waiting(in) < kChunk) {
    events |= POLLIN;
  }
  if (flow_waiting(out) > 0) {
    events |= POLLOUT;
  }
  return events;
}

static void link_serve(struct link *link, int end, short revents) {
  if (link->fds[end] >= 0 && (revents & POLLOUT) != 0) {
    link_write(link, 1 - end);
  }
  if (link->fds[end] >= 0 && (revents & (POLLIN | POLLHUP | POLLERR)) != 0 &&
      !link->flows[end].ended) {
    link_read(link, end);
  }
  for (int from = 0; from < 2 && link->fds[0] >= 0; from++) {
    link_pass_end(link, from);
  }
}

static void tap_accept(struct tap *tap) {
  int client = accept4(tap->listener, NULL, NULL, SOCK_CLOEXEC);
  if (client < 0) {
    return;
  }
  int origin = loopback_connect(tap->origin_port);
  if (origin < 0) {
    close(client);
    return;
  }
  int one = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  setsockopt(origin, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  struct link *link = calloc(1, sizeof(*link));
  if (link == NULL) {
    abort();
  }
  link->fds[0] = client;
  link->fds[1] = origin;
  link->next = tap->links;
  tap->links = link;
  tap->num_links++;
}

// One entry of poll, and what it is for. A pollfd of the tap's own has no link.
struct watch {
  struct link *link;
  int end;
};

static nfds_t tap_watch(struct tap *tap, struct pollfd *fds,
                        struct watch *watches) {
  nfds_t num = 0;
  fds[num++] = (struct pollfd){.fd = tap->wake[0], .events = POLLIN};
  fds[num++] = (struct pollfd){.fd = tap->listener, .events = POLLIN};
  for (struct link *link = tap->links; link != NULL; link = link->next) {
    for (int end = 0; end < 2 && num < 2 * kMaxConnections; end++) {
      short events = link->fds[end] < 0 ? 0 : link_events(link, end);
      // An end that nothing is wanted from is left out: POLLHUP would spin.
      if (events != 0) {
        watches[num] = (struct watch){link, end};
        fds[num++] = (struct pollfd){.fd = link->fds[end], .events = events};
      }
    }
  }
  return num;
}

static bool tap_serve(struct tap *tap, struct pollfd *fds,
                      struct watch *watches) {
  pthread_mutex_lock(&tap->lock);
  nfds_t num = tap_watch(tap, fds, watches);
  pthread_mutex_unlock(&tap->lock);
  if (poll(fds, num, -1) < 0) {
    return errno == EINTR;
  }
  pthread_mutex_lock(&tap->lock);
  for (nfds_t i = 2; i < num; i++) {
    if (fds[i].revents != 0) {
      link_serve(watches[i].link, watches[i].end, fds[i].revents);
    }
  }
  if (fds[1].revents != 0) {
    tap_accept(tap);
  }
  bool go_on = !tap->stopping;
  pthread_mutex_unlock(&tap->lock);
  return go_on;
}

static void *tap_run(void *arg) {
  struct tap *tap = arg;
  struct pollfd *fds = calloc(2 * kMaxConnections + 2, sizeof(*fds));
  struct watch *watches = calloc(2 * kMaxConnections + 2, sizeof(*watches));
  while (fds != NULL && watches != NULL && tap_serve(tap, fds, watches)) {
  }
  free(fds);
  free(watches);
  return NULL;
}

struct tap *tap_new(uint16_t origin_port) {
  struct tap *tap = calloc(1, sizeof(*tap));
  cr_assert_not_null(tap);
  pthread_mutex_init(&tap->lock, NULL);
  tap->origin_port = origin_port;
  tap->listener = loopback_listen();
  cr_assert_geq(tap->listener, 0);
  cr_assert_eq(pipe2(tap->wake, O_CLOEXEC), 0);
  cr_assert_eq(pthread_create(&tap->thread, NULL, tap_run, tap), 0);
  return tap;
}

void tap_free(struct tap *tap) {
  if (tap == NULL) {
    return;
  }
  pthread_mutex_lock(&tap->lock);
  tap->stopping = true;
  pthread_mutex_unlock(&tap->lock);
  ssize_t written = write(tap->wake[1], "", 1);
  cr_assert_eq(written, 1);
  pthread_join(tap->thread, NULL);
  struct link *next;
  for (struct link *link = tap->links; link != NULL; link = next) {
    next = link->next;
    link_shut(link);
    free(link->flows[0].data);
    free(link->flows[1].data);
    free(link);
  }
  close(tap->listener);
  close(tap->wake[0]);
  close(tap->wake[1]);
  pthread_mutex_destroy(&tap->lock);
  free(tap);
}

uint16_t tap_port(const struct tap *tap) {
  return loopback_port(tap->listener);
}

void tap_set_origin(struct tap *tap, uint16_t origin_port) {
  pthread_mutex_lock(&tap->lock);
  tap->origin_port = origin_port;
  pthread_mutex_unlock(&tap->lock);
}

size_t tap_num_connections(struct tap *tap) {
  pthread_mutex_lock(&tap->lock);
  size_t num = tap->num_links;
  pthread_mutex_unlock(&tap->lock);
  return num;
}

void tap_clear(struct tap *tap) {
  pthread_mutex_lock(&tap->lock);
  for (struct link *link = tap->links; link != NULL; link = link->next) {
    link->flows[0].forgotten = link->flows[0].len;
    link->flows[1].forgotten = link->flows[1].len;
  }
  tap->num_links = 0;
  pthread_mutex_unlock(&tap->lock);
}

typedef bool flow_test(const uint8_t *data, size_t len, const void *context);

// Whether `test` holds for what was recorded of any direction.
static bool tap_any(struct tap *tap, flow_test *test, const void *context) {
  bool found = false;
  pthread_mutex_lock(&tap->lock);
  for (struct link *link = tap->links; link != NULL; link = link->next) {
    for (int i = 0; i < 2 && !found; i++) {
      const struct flow *flow = &link->flows[i];
      found = flow->len > flow->forgotten &&
              test(flow->data + flow->forgotten, flow->len - flow->forgotten,
                   context);
    }
  }
  pthread_mutex_unlock(&tap->lock);
  return found;
}

size_t tap_num_bytes(struct tap *tap) {
  size_t num = 0;
  pthread_mutex_lock(&tap->lock);
  for (struct link *link = tap->links; link != NULL; link = link->next) {
    num += link->flows[0].len - link->flows[0].forgotten;
    num += link->flows[1].len - link->flows[1].forgotten;
  }
  pthread_mutex_unlock(&tap->lock);
  return num;
}

struct needle {
  const uint8_t *bytes;
  size_t len;
};

static bool flow_has_text(const uint8_t *data, size_t len,
                          const void *context) {
  const struct needle *needle = context;
  uint8_t lower = (uint8_t)tolower(needle->bytes[0]);
  uint8_t upper = (uint8_t)toupper(needle->bytes[0]);
  for (size_t i = 0; i + needle->len <= len; i++) {
    if ((data[i] == lower || data[i] == upper) &&
        strncasecmp((const char *)data + i, (const char *)needle->bytes,
                    needle->len) == 0) {
      return true;
    }
  }
  return false;
}

bool tap_contains(struct tap *tap, const void *bytes, size_t len) {
  struct needle needle = {bytes, len};
  return len > 0 && tap_any(tap, flow_has_text, &needle);
}

bool tap_contains_text(struct tap *tap, const char *text) {
  return tap_contains(tap, text, strlen(text));
}

// Every 16-byte piece of a certificate, found by its first two bytes.
struct pieces {
  const uint8_t *der;
  size_t num;
  bool begins[65536];
};

static unsigned two_bytes(const uint8_t *data) {
  return (unsigned)data[0] << 8 | data[1];
}

static bool flow_has_piece(const uint8_t *data, size_t len,
                           const void *context) {
  const struct pieces *pieces = context;
  for (size_t i = 0; i + kPiece <= len; i++) {
    if (!pieces->begins[two_bytes(data + i)]) {
      continue;
    }
    for (size_t j = 0; j < pieces->num; j++) {
      if (memcmp(data + i, pieces->der + j, kPiece) == 0) {
        return true;
      }
    }
  }
  return false;
}

bool tap_contains_piece(struct tap *tap, const uint8_t *der, size_t der_len) {
  cr_assert_geq(der_len, (size_t)kPiece);
  struct pieces *pieces = calloc(1, sizeof(*pieces));
  cr_assert_not_null(pieces);
  pieces->der = der;
  pieces->num = der_len - kPiece + 1;
  for (size_t i = 0; i < pieces->num; i++) {
    pieces->begins[two_bytes(der + i)] = true;
  }
  bool found = tap_any(tap, flow_has_piece, pieces);
  free(pieces);
  return found;
}

void tap_assert_hidden(struct tap *tap, const char *name,
                       const char *public_name, const uint8_t *der,
                       size_t der_len) {
  cr_assert_gt(tap_num_connections(tap), 0, "nothing went through the tap");
  cr_assert(!tap_contains_text(tap, name), "the wire shows the hidden name");
  cr_assert(!tap_contains_piece(tap, der, der_len),
            "the wire shows a piece of the certificate");
  cr_assert(tap_contains_text(tap, public_name),
            "the wire does not show the public name");
}
