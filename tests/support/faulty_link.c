#include "support/faulty_link.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"

enum {
  kHeaderLen = 5,
  kMaxRecord = kHeaderLen + (1 << 14) + 256,  // RFC 8446, section 5.2
  kMaxPairs = 32,
};

// One connection. The server's bytes wait in `record` until it is whole.
struct pair {
  int client;
  int server;
  uint8_t record[kMaxRecord];
  size_t len;
  size_t num_records;
  bool stalled;
};

struct faulty_link {
  pthread_t thread;
  pthread_mutex_t lock;  // over `most_records`
  int listener;
  int wake[2];
  uint16_t port;
  enum link_fault fault;
  size_t at;
  struct pair *pairs[kMaxPairs];
  size_t num_pairs;
  size_t most_records;
};

const char *link_fault_str(enum link_fault fault) {
  switch (fault) {
#define X(name, text) \
  case name:          \
    return text;
    LINK_FAULTS(X)
#undef X
  }
  return "unknown";
}

static void drop(int *fd) {
  if (*fd >= 0) {
    close(*fd);
  }
  *fd = -1;  // which poll leaves out
}

static void pair_close(struct pair *pair) {
  drop(&pair->client);
  drop(&pair->server);
}

// Ends the client's connection with a FIN. It is read on, so that what still
// comes from it makes no reset of that.
static void pair_cut(struct pair *pair) {
  shutdown(pair->client, SHUT_WR);
  drop(&pair->server);
}

// Sends what the fault makes of a whole record.
static bool send_record(const struct faulty_link *link, struct pair *pair) {
  enum link_fault fault =
      pair->num_records == link->at ? link->fault : LINK_SOUND;
  size_t len = pair->len;
  switch (fault) {
    case LINK_CUT_INSIDE:
      loopback_send(pair->client, pair->record, len / 2);
      pair_cut(pair);
      return true;
    case LINK_CUT:
      pair_cut(pair);
      return true;
    case LINK_RESET:
      loopback_reset(pair->client);
      pair->client = -1;
      return false;
    case LINK_STALL:
      pair->stalled = true;
      return true;
    case LINK_CORRUPT:
      pair->record[kHeaderLen + (len - kHeaderLen) / 2] ^= 0x10;
      break;
    case LINK_CORRUPT_HEADER:
      pair->record[0] ^= 0x10;
      break;
    case LINK_SOUND:
      break;
  }
  return loopback_send(pair->client, pair->record, len);
}

static void count_record(struct faulty_link *link, struct pair *pair) {
  pair->num_records++;
  pthread_mutex_lock(&link->lock);
  if (pair->num_records > link->most_records) {
    link->most_records = pair->num_records;
  }
  pthread_mutex_unlock(&link->lock);
}

// How many bytes the record that has begun takes in all, as far as is known.
static size_t record_size(const struct pair *pair) {
  if (pair->len < kHeaderLen) {
    return kHeaderLen;
  }
  return kHeaderLen + (size_t)(pair->record[3] << 8 | pair->record[4]);
}

static bool read_server(struct faulty_link *link, struct pair *pair) {
  size_t size = record_size(pair);
  if (size > kMaxRecord) {
    abort();
  }
  ssize_t len =
      recv(pair->server, pair->record + pair->len, size - pair->len, 0);
  if (len <= 0) {
    return false;
  }
  pair->len += (size_t)len;
  if (pair->len < record_size(pair) || pair->len < kHeaderLen + 1) {
    return true;
  }
  if (!pair->stalled && !send_record(link, pair)) {
    return false;
  }
  count_record(link, pair);
  pair->len = 0;
  return true;
}

static bool read_client(struct pair *pair) {
  uint8_t buffer[65536];
  ssize_t len = recv(pair->client, buffer, sizeof(buffer), 0);
  return len > 0 &&
         (pair->server < 0 || loopback_send(pair->server, buffer, (size_t)len));
}

static void link_accept(struct faulty_link *link) {
  int client = accept4(link->listener, NULL, NULL, SOCK_CLOEXEC);
  int server = client < 0 ? -1 : loopback_connect(link->port);
  if (server < 0 || link->num_pairs == kMaxPairs) {
    abort();
  }
  struct pair *pair = calloc(1, sizeof(*pair));
  if (pair == NULL) {
    abort();
  }
  pair->client = client;
  pair->server = server;
  link->pairs[link->num_pairs++] = pair;
}

// A direction that ends, ends both.
static void link_serve(struct faulty_link *link, struct pollfd *fds) {
  for (size_t i = 0; i < link->num_pairs; i++) {
    struct pair *pair = link->pairs[i];
    short server = fds[2 + 2 * i].revents;
    short client = fds[3 + 2 * i].revents;
    if ((server != 0 && !read_server(link, pair)) ||
        (client != 0 && !read_client(pair))) {
      pair_close(pair);
    }
  }
}

static void *run(void *arg) {
  struct faulty_link *link = arg;
  struct pollfd fds[2 + 2 * kMaxPairs];
  for (;;) {
    fds[0] = (struct pollfd){.fd = link->wake[0], .events = POLLIN};
    fds[1] = (struct pollfd){.fd = link->listener, .events = POLLIN};
    for (size_t i = 0; i < link->num_pairs; i++) {
      fds[2 + 2 * i] =
          (struct pollfd){.fd = link->pairs[i]->server, .events = POLLIN};
      fds[3 + 2 * i] =
          (struct pollfd){.fd = link->pairs[i]->client, .events = POLLIN};
    }
    if (poll(fds, 2 + 2 * link->num_pairs, -1) < 0 || fds[0].revents != 0) {
      return NULL;
    }
    link_serve(link, fds);
    if (fds[1].revents != 0) {
      link_accept(link);
    }
  }
}

struct faulty_link *faulty_link_new(uint16_t port, enum link_fault fault,
                                    size_t at) {
  struct faulty_link *link = calloc(1, sizeof(*link));
  cr_assert_not_null(link);
  link->port = port;
  link->fault = fault;
  link->at = at;
  link->listener = loopback_listen();
  cr_assert_geq(link->listener, 0);
  cr_assert_eq(pipe2(link->wake, O_CLOEXEC), 0);
  pthread_mutex_init(&link->lock, NULL);
  cr_assert_eq(pthread_create(&link->thread, NULL, run, link), 0);
  return link;
}

void faulty_link_free(struct faulty_link *link) {
  if (link == NULL) {
    return;
  }
  ssize_t written = write(link->wake[1], "", 1);
  cr_assert_eq(written, 1);
  pthread_join(link->thread, NULL);
  for (size_t i = 0; i < link->num_pairs; i++) {
    pair_close(link->pairs[i]);
    free(link->pairs[i]);
  }
  close(link->listener);
  close(link->wake[0]);
  close(link->wake[1]);
  pthread_mutex_destroy(&link->lock);
  free(link);
}

uint16_t faulty_link_port(const struct faulty_link *link) {
  return loopback_port(link->listener);
}

size_t faulty_link_num_records(struct faulty_link *link) {
  pthread_mutex_lock(&link->lock);
  size_t num = link->most_records;
  pthread_mutex_unlock(&link->lock);
  return num;
}
