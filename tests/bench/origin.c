// bench_origin is the site that the bench fetches from: HTTP/1.1 over TLS 1.3.
// `GET /bytes/N` brings N bytes, `POST /sink` takes a body and checks it.
//
//   bench_origin --listen ADDR:PORT --cert PEM --key PEM [--ech-key PEM]
//                [--no-tickets] [--groups LIST] [--threads N]
//   bench_origin --listen ADDR:PORT --plain [--threads N]
//
// It prints its counters as JSON on SIGUSR1 and at its end.

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "http.h"
#include "net/xalloc.h"
#include "tls.h"
#include "wire.h"

enum { kMaxHead = 8192, kMaxThreads = 64 };

// What all threads share.
struct origin {
  SSL_CTX *server;  // NULL: plain
  uint8_t *body;
  int stop_fd;  // an eventfd that ends the threads
  atomic_ullong connections, failed, ech, resumed, requests, bad_bodies;
};

// A thread.
struct serving {
  struct origin *origin;
  struct loop loop;
  struct watch listener;
  struct watch stop;
  struct client *open;
  pthread_t thread;
};

// What a client's connection is at.
enum step { HANDSHAKE, READ_HEAD, READ_BODY, WRITE_BODY };

struct client {
  struct conn conn;
  struct serving *serving;
  enum step step;
  char *head;  // what has come of the request, of kMaxHead; NULL between them
  size_t head_len;
  uint64_t left;    // of the body to read or write
  uint64_t offset;  // in it
  bool bad;         // the body was not what the bench sends
  bool last;        // the client wants the connection closed
  struct client *next, *prev;
};

static void on_dead(struct conn *conn) {
  struct client *client = (struct client *)conn;
  if (client->prev != NULL) {
    client->prev->next = client->next;
  } else {
    client->serving->open = client->next;
  }
  if (client->next != NULL) {
    client->next->prev = client->prev;
  }
  free(client->head);
  free(client);
}

static void client_fail(struct client *client) {
  atomic_fetch_add(&client->serving->origin->failed, 1);
  conn_close(&client->conn);
}

// Answers.

static bool answer(struct client *client, const char *status, uint64_t len,
                   const char *body) {
  char head[512];
  int n = snprintf(head, sizeof(head),
                   "HTTP/1.1 %s\r\n"
                   "Content-Type: application/octet-stream\r\n"
                   "Content-Length: %llu\r\n\r\n%s",
                   status, (unsigned long long)len, body);
  atomic_fetch_add(&client->serving->origin->requests, 1);
  return conn_write(&client->conn, (uint8_t *)head, (size_t)n);
}

// write_body writes until there is no room or no more.
static bool write_body(struct client *client) {
  const uint8_t *body = client->serving->origin->body;
  uint64_t most = client->conn.ssl == NULL ? kBodyPeriod : kTlsRecord;
  while (client->left > 0 && client->conn.pending_len == 0) {
    uint64_t n = client->left < most ? client->left : most;
    if (!conn_write(&client->conn, body + client->offset % kBodyPeriod, n)) {
      return false;
    }
    client->offset += n;
    client->left -= n;
  }
  conn_flush(&client->conn);
  if (client->left == 0) {
    client->step = READ_HEAD;
  }
  return true;
}

static bool finish_sink(struct client *client) {
  struct origin *origin = client->serving->origin;
  client->step = READ_HEAD;
  if (client->bad) {
    atomic_fetch_add(&origin->bad_bodies, 1);
    return answer(client, "400 Bad Request", 4, "bad\n");
  }
  return answer(client, "200 OK", 3, "ok\n");
}

// Requests.

static bool start_request(struct client *client, const char *head) {
  static const char kBytes[] = "GET /bytes/";
  client->offset = 0;
  client->bad = false;
  client->last = strcasestr(head, "\r\nConnection: close") != NULL;
  if (strncmp(head, kBytes, sizeof(kBytes) - 1) == 0) {
    client->left = strtoull(head + sizeof(kBytes) - 1, NULL, 10);
    client->step = WRITE_BODY;
    return answer(client, "200 OK", client->left, "") && write_body(client);
  }
  if (strncmp(head, "POST /sink ", 11) == 0) {
    client->left = head_number(head, "\r\nContent-Length:", 0);
    client->step = READ_BODY;
    return client->left > 0 || finish_sink(client);
  }
  return answer(client, "404 Not Found", 0, "");
}

// take_head adds `data` to the head and says how much of it belongs there, or
// -1 when the head is too long.
static ssize_t take_head(struct client *client, const uint8_t *data,
                         size_t len) {
  size_t had = client->head_len;
  if (client->head == NULL) {
    client->head = xrealloc(NULL, kMaxHead + 1);
  }
  size_t n = len < kMaxHead - had ? len : kMaxHead - had;
  memcpy(client->head + had, data, n);
  size_t end = head_end(client->head, had + n);
  if (end == 0) {
    client->head_len += n;
    return had + n < kMaxHead ? (ssize_t)n : -1;
  }
  client->head[end] = '\0';
  client->head_len = 0;
  return start_request(client, client->head) ? (ssize_t)(end - had) : -1;
}

static ssize_t take_body(struct client *client, const uint8_t *data,
                         size_t len) {
  size_t n = client->left < len ? client->left : len;
  client->bad |=
      !body_matches(client->serving->origin->body, client->offset, data, n);
  client->offset += n;
  client->left -= n;
  return client->left > 0 || finish_sink(client) ? (ssize_t)n : -1;
}

// take handles decrypted bytes. Bytes after a request whose answer is not all
// written are a pipelining client's, which this is not for.
static bool take(struct client *client, const uint8_t *data, size_t len) {
  while (len > 0) {
    ssize_t n = client->step == READ_HEAD   ? take_head(client, data, len)
                : client->step == READ_BODY ? take_body(client, data, len)
                                            : -1;
    if (n < 0) {
      return false;
    }
    data += n;
    len -= (size_t)n;
  }
  if (client->step == READ_HEAD && client->head_len == 0) {
    free(client->head);
    client->head = NULL;
  }
  return true;
}

// read_once receives once and reads all of that: CONN_...
static int read_once(struct client *client) {
  uint8_t plain[kTlsRecord];
  int n = conn_fill(&client->conn);
  while (n != CONN_FAILED &&
         (n = conn_read(&client->conn, plain, sizeof(plain))) > 0) {
    if (!take(client, plain, (size_t)n)) {
      return CONN_FAILED;
    }
  }
  conn_flush(&client->conn);
  return n;
}

// read_some reads until there is no more, or others must have their turn.
static int read_some(struct client *client) {
  struct conn *conn = &client->conn;
  int result = CONN_AGAIN;
  for (int i = 0; i < kMaxRounds && result == CONN_AGAIN; i++) {
    if (!conn->readable && conn->in_len == 0) {
      return CONN_AGAIN;
    }
    result = read_once(client);
  }
  if (result == CONN_AGAIN) {
    conn_come_back(conn);
  }
  return result;
}

static bool handshake(struct client *client) {
  struct origin *origin = client->serving->origin;
  int result = conn_handshake(&client->conn);
  if (result == 1) {
    client->step = READ_HEAD;
    atomic_fetch_add(&origin->ech, SSL_ech_accepted(client->conn.ssl));
    atomic_fetch_add(&origin->resumed, SSL_session_reused(client->conn.ssl));
  }
  return result >= 0;
}

static void on_ready(struct conn *conn) {
  struct client *client = (struct client *)conn;
  if (client->step == HANDSHAKE && !handshake(client)) {
    client_fail(client);
    return;
  }
  if (client->step == HANDSHAKE) {
    return;
  }
  int result = read_some(client);
  if (result == CONN_AGAIN && client->step == WRITE_BODY &&
      !write_body(client)) {
    result = CONN_FAILED;
  }
  bool done = client->last && client->step == READ_HEAD &&
              client->conn.pending_len == 0;
  if (result == CONN_END || done) {
    conn_close(conn);
  } else if (result == CONN_FAILED || conn->err != 0) {
    client_fail(client);
  }
}

// Threads.

static void on_connection(struct watch *watch, uint32_t events) {
  struct serving *s =
      (struct serving *)((char *)watch - offsetof(struct serving, listener));
  (void)events;
  for (int i = 0; i < kMaxRounds; i++) {
    int fd = endpoint_accept(watch->fd);
    if (fd < 0) {
      return;
    }
    struct client *client = xcalloc(1, sizeof(*client));
    client->serving = s;
    client->next = s->open;
    if (s->open != NULL) {
      s->open->prev = client;
    }
    s->open = client;
    conn_open(&client->conn, &s->loop, fd, on_ready, on_dead);
    atomic_fetch_add(&s->origin->connections, 1);
    client->step = READ_HEAD;
    if (s->origin->server != NULL) {
      SSL *ssl = SSL_new(s->origin->server);
      SSL_set_accept_state(ssl);
      conn_start_tls(&client->conn, ssl);
      client->step = HANDSHAKE;
    }
  }
}

static void on_stop(struct watch *watch, uint32_t events) {
  struct serving *s =
      (struct serving *)((char *)watch - offsetof(struct serving, stop));
  (void)events;
  s->loop.stopped = true;
}

static void *serve(void *arg) {
  struct serving *s = arg;
  loop_run(&s->loop);
  for (struct client *client = s->open; client != NULL; client = client->next) {
    conn_close(&client->conn);
  }
  loop_cleanup(&s->loop);
  close(s->listener.fd);
  return NULL;
}

static void serving_start(struct serving *s, struct origin *origin,
                          struct endpoint *at) {
  s->origin = origin;
  loop_init(&s->loop);
  s->listener = (struct watch){endpoint_listen(at, true), on_connection};
  loop_add(&s->loop, &s->listener, EPOLLIN);
  s->stop = (struct watch){origin->stop_fd, on_stop};
  loop_add(&s->loop, &s->stop, EPOLLIN);
  if (pthread_create(&s->thread, NULL, serve, s) != 0) {
    die("cannot make a thread");
  }
}

// The program. Its first thread waits for signals.

struct control {
  struct loop loop;
  struct watch signals;
  struct origin *origin;
};

static void on_signal(struct watch *watch, uint32_t events) {
  struct control *control =
      (struct control *)((char *)watch - offsetof(struct control, signals));
  struct origin *o = control->origin;
  int signum = loop_signal(watch);
  (void)events;
  if (signum != 0) {
    printf(
        "{\"connections\": %llu, \"failed\": %llu, \"ech_accepted\": %llu, "
        "\"resumed\": %llu, \"requests\": %llu, \"bad_bodies\": %llu}\n",
        o->connections, o->failed, o->ech, o->resumed, o->requests,
        o->bad_bodies);
    fflush(stdout);
  }
  control->loop.stopped |= signum == SIGTERM || signum == SIGINT;
}

struct arguments {
  const char *listen, *cert, *key, *ech_key, *groups;
  uint64_t threads;
  bool no_tickets, plain;
};

static void parse(struct arguments *a, char **argv) {
  const struct option options[] = {
      {.name = "listen", .text = &a->listen},
      {.name = "cert", .text = &a->cert},
      {.name = "key", .text = &a->key},
      {.name = "ech-key", .text = &a->ech_key},
      {.name = "groups", .text = &a->groups},
      {.name = "no-tickets", .flag = &a->no_tickets},
      {.name = "plain", .flag = &a->plain},
      {.name = "threads", .number = &a->threads, .min = 1, .max = kMaxThreads},
      {.name = NULL}};
  a->threads = 1;
  options_parse(options, NULL, argv);
  if (a->listen == NULL || (!a->plain && (a->cert == NULL || a->key == NULL))) {
    die("--listen, --cert and --key are needed (no --cert and --key with "
        "--plain)");
  }
}

int main(int argc, char **argv) {
  (void)argc;
  struct arguments a = {0};
  struct origin origin = {.stop_fd = eventfd(0, EFD_CLOEXEC)};
  struct control control = {.signals = {-1, on_signal}, .origin = &origin};
  struct serving servings[kMaxThreads] = {0};
  parse(&a, argv);
  struct endpoint at = endpoint_parse("--listen", a.listen);
  origin.body = body_new();
  if (!a.plain) {
    origin.server =
        tls_server_new(a.cert, a.key, "http/1.1", a.ech_key, !a.no_tickets);
    tls_set_groups(origin.server, a.groups);
  }
  loop_init(&control.loop);
  loop_signals(&control.loop, &control.signals);
  for (uint64_t i = 0; i < a.threads; i++) {
    serving_start(&servings[i], &origin, &at);
  }
  endpoint_announce(&at);
  loop_run(&control.loop);
  eventfd_write(origin.stop_fd, 1);
  for (uint64_t i = 0; i < a.threads; i++) {
    pthread_join(servings[i].thread, NULL);
  }
  loop_cleanup(&control.loop);
  close(control.signals.fd);
  close(origin.stop_fd);
  SSL_CTX_free(origin.server);
  free(origin.body);
  return 0;
}
