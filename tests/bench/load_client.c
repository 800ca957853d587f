#include "load_client.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http.h"
#include "net/xalloc.h"

enum { kMaxErrors = 1000, kTickUs = 250000 };

// What all clients share.

void load_error(struct load *load, const char *format, ...) {
  va_list args;
  if (load->errors++ == 0) {
    va_start(args, format);
    fprintf(stderr, "bench_load: ");
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
  }
  load->loop.stopped |= load->errors >= kMaxErrors;
}

static void client_fail(struct client *client, const char *why);

static void on_tick(struct watch *watch, uint32_t events) {
  struct load *load =
      (struct load *)((char *)watch - offsetof(struct load, ticker));
  uint64_t now = now_ns();
  uint64_t ticks;
  (void)events;
  if (read(watch->fd, &ticks, sizeof(ticks)) < 0) {
    return;
  }
  for (struct client *client = load->open, *next; client != NULL;
       client = next) {
    next = client->next;
    if (client->step != CLIENT_IDLE && client->step != CLIENT_CLOSED &&
        now > client->deadline_ns) {
      client_fail(client, "timed out");
    }
  }
  if (now > load->end_ns) {
    load_error(load, "the time limit is over");
    load->loop.stopped = true;
  }
}

void load_init(struct load *load) {
  loop_init(&load->loop);
  load->body = body_new();
  load->ticker = (struct watch){-1, on_tick};
  loop_every(&load->loop, &load->ticker, kTickUs);
}

void load_cleanup(struct load *load) {
  for (struct client *client = load->open; client != NULL;
       client = client->next) {
    conn_close(&client->conn);
  }
  loop_cleanup(&load->loop);
  close(load->ticker.fd);
  tls_client_free(load->tls);
  free(load->body);
}

// A client's life and end.

static void on_dead(struct conn *conn) {
  struct client *client = (struct client *)conn;
  if (client->prev != NULL) {
    client->prev->next = client->next;
  } else {
    client->load->open = client->next;
  }
  if (client->next != NULL) {
    client->next->prev = client->prev;
  }
  free(client);
}

void client_close(struct client *client) {
  client->step = CLIENT_CLOSED;
  conn_close(&client->conn);
}

static void client_fail(struct client *client, const char *why) {
  static const char *const kDoing[] = {
      [CLIENT_CONNECTING] = "connecting",
      [CLIENT_ASKING] = "asking for a tunnel",
      [CLIENT_HANDSHAKE] = "in the TLS handshake",
      [CLIENT_IDLE] = "while idle",
      [CLIENT_REQUESTING] = "in a request",
      [CLIENT_CLOSED] = "closed",
  };
  load_error(client->load, "%s, %s: %s", client->name, kDoing[client->step],
             why);
  client_close(client);
  client->on_event(client, CLIENT_FAILED);
}

// client_broke is client_fail for what the connection itself says.
static void client_broke(struct client *client) {
  char text[256];
  client_fail(client, conn_error(&client->conn, text, sizeof(text)));
}

static void client_is_open(struct client *client) {
  struct load *load = client->load;
  SSL *ssl = client->conn.ssl;
  load->opened++;
  if (ssl != NULL) {
    load->resumed += (uint64_t)SSL_session_reused(ssl);
    load->ech += (uint64_t)SSL_ech_accepted(ssl);
  }
  client->step = CLIENT_IDLE;
  client->on_event(client, CLIENT_OPEN);
}

// Requests.

static void send_body(struct client *client) {
  uint64_t most = client->conn.ssl == NULL ? kBodyPeriod : kTlsRecord;
  while (client->sent < client->to_send && client->conn.pending_len == 0 &&
         client->conn.err == 0) {
    uint64_t left = client->to_send - client->sent;
    uint64_t n = left < most ? left : most;
    conn_write(&client->conn, client->load->body + client->sent % kBodyPeriod,
               n);
    client->sent += n;
  }
  conn_flush(&client->conn);
}

static void request(struct client *client, const char *method, const char *path,
                    uint64_t to_send, uint64_t expected) {
  char head[1024];
  int len = snprintf(head, sizeof(head),
                     "%s %s HTTP/1.1\r\nHost: %s:%u\r\n"
                     "User-Agent: bench_load\r\nAccept: */*\r\n"
                     "Content-Length: %llu\r\n\r\n",
                     method, path, client->name, client->load->port,
                     (unsigned long long)to_send);
  client->step = CLIENT_REQUESTING;
  client->head_len = 0;
  client->in_body = false;
  client->sent = client->received = 0;
  client->to_send = to_send;
  client->expected = expected;
  client->asked_ns = now_ns();
  client->first_byte_ns = 0;
  client->deadline_ns = client->asked_ns + client->load->step_timeout_ns;
  conn_write(&client->conn, (uint8_t *)head, (size_t)len);
  send_body(client);
}

void client_get(struct client *client, uint64_t size) {
  char path[64];
  snprintf(path, sizeof(path), "/bytes/%llu", (unsigned long long)size);
  request(client, "GET", path, 0, size);
}

void client_post(struct client *client, uint64_t size) {
  request(client, "POST", "/sink", size, UINT64_MAX);
}

// Answers.

// take_head reads the answer's head; -1 when it is not what was asked for.
static ssize_t take_head(struct client *client, const uint8_t *data,
                         size_t len) {
  size_t had = client->head_len;
  size_t room = sizeof(client->head) - 1 - had;
  size_t n = len < room ? len : room;
  memcpy(client->head + had, data, n);
  size_t end = head_end(client->head, had + n);
  if (end == 0) {
    client->head_len += n;
    return n == room ? -1 : (ssize_t)n;
  }
  client->head[end] = '\0';
  client->length = head_number(client->head, "\r\nContent-Length:", UINT64_MAX);
  client->in_body = true;
  if (strncmp(client->head, "HTTP/1.1 200", 12) != 0 ||
      client->length == UINT64_MAX ||
      (client->expected != UINT64_MAX && client->expected != client->length)) {
    return -1;
  }
  return (ssize_t)(end - had);
}

// take_body checks the answer's body; -1 when it is wrong.
static ssize_t take_body(struct client *client, const uint8_t *data,
                         size_t len) {
  bool known = client->expected != UINT64_MAX;
  if (client->received + len > client->length ||
      (known &&
       !body_matches(client->load->body, client->received, data, len))) {
    return -1;
  }
  client->received += len;
  return (ssize_t)len;
}

// take handles what came of an answer; false when it is wrong.
static bool take(struct client *client, const uint8_t *data, size_t len) {
  if (client->step != CLIENT_REQUESTING) {
    return false;
  }
  if (client->first_byte_ns == 0) {
    client->first_byte_ns = now_ns();
  }
  while (len > 0) {
    ssize_t n = client->in_body ? take_body(client, data, len)
                                : take_head(client, data, len);
    if (n < 0) {
      return false;
    }
    data += n;
    len -= (size_t)n;
  }
  return true;
}

static bool answered(const struct client *client) {
  return client->step == CLIENT_REQUESTING && client->in_body &&
         client->received == client->length && client->sent == client->to_send;
}

// read_answer reads all there is. The callback may close the client, or make
// the next request.
static void read_answer(struct client *client) {
  uint8_t plain[kTlsRecord];
  struct conn *conn = &client->conn;
  int n = conn_fill(conn);
  while (n != CONN_FAILED && (n = conn_read(conn, plain, sizeof(plain))) > 0) {
    if (!take(client, plain, (size_t)n)) {
      client_fail(client, "the answer is not what the site sends");
      return;
    }
    if (answered(client)) {
      client->step = CLIENT_IDLE;
      client->answered_ns = now_ns();
      conn_keep(conn);
      client->on_event(client, CLIENT_ANSWERED);
      if (client->step == CLIENT_CLOSED) {
        return;
      }
    }
  }
  if (n < 0) {
    client_broke(client);
  }
}

// Opening.

static void ask_for_tunnel(struct client *client) {
  char head[1024];
  int len = snprintf(
      head, sizeof(head), "CONNECT %s:%u HTTP/1.1\r\nHost: %s:%u\r\n\r\n",
      client->name, client->load->port, client->name, client->load->port);
  client->step = CLIENT_ASKING;
  conn_write(&client->conn, (uint8_t *)head, (size_t)len);
  conn_flush(&client->conn);
}

static void begin_tls(struct client *client) {
  struct load *load = client->load;
  if (load->tls == NULL) {
    client_is_open(client);
    return;
  }
  client->step = CLIENT_HANDSHAKE;
  conn_start_tls(&client->conn, tls_client_session(load->tls, client->name));
}

// read_connect_answer wants nothing after the head: the client speaks first.
static void read_connect_answer(struct client *client) {
  struct conn *conn = &client->conn;
  int n = conn_fill(conn);
  if (n > 0) {
    n = conn_read(conn, (uint8_t *)client->head + client->head_len,
                  sizeof(client->head) - 1 - client->head_len);
  }
  if (n == CONN_AGAIN) {
    return;
  }
  if (n < 0) {
    client_broke(client);
    return;
  }
  client->head_len += (size_t)n;
  client->head[client->head_len] = '\0';
  size_t end = head_end(client->head, client->head_len);
  if (end == 0 && client->head_len < sizeof(client->head) - 1) {
    return;
  }
  if (end != client->head_len || strncmp(client->head, "HTTP/1.", 7) != 0 ||
      strncmp(client->head + 8, " 200", 4) != 0) {
    client->head[strcspn(client->head, "\r\n")] = '\0';
    client_fail(client, client->head);
    return;
  }
  begin_tls(client);
}

static void handshake(struct client *client) {
  int result = conn_handshake(&client->conn);
  if (result < 0) {
    client_broke(client);
  } else if (result == 1) {
    if (!tls_client_agrees(client->load->tls, client->conn.ssl)) {
      client_fail(client, "ECH was not accepted");
      return;
    }
    client_is_open(client);
  }
}

// converse sends and reads what can be, until others must have their turn.
static void converse(struct client *client) {
  struct conn *conn = &client->conn;
  for (int i = 0; i < kMaxRounds; i++) {
    if (client->step == CLIENT_REQUESTING) {
      send_body(client);
    } else if (client->step != CLIENT_IDLE) {
      return;
    }
    if (!conn->readable && conn->in_len == 0) {
      return;
    }
    read_answer(client);
  }
  if (client->step != CLIENT_CLOSED) {
    conn_come_back(conn);
  }
}

static void on_ready(struct conn *conn) {
  struct client *client = (struct client *)conn;
  ERR_clear_error();
  if (conn->err != 0) {
    client_broke(client);
    return;
  }
  if (client->step == CLIENT_CONNECTING) {
    if (client->load->through_proxy) {
      ask_for_tunnel(client);
      return;
    }
    begin_tls(client);
  }
  if (client->step == CLIENT_ASKING) {
    read_connect_answer(client);
  }
  if (client->step == CLIENT_HANDSHAKE) {
    handshake(client);
  }
  converse(client);
  conn_keep(conn);
}

// name_of puts `number` where the pattern has %d.
static void name_of(char *out, size_t len, const char *pattern,
                    uint64_t number) {
  const char *mark = strstr(pattern, "%d");
  if (mark == NULL) {
    snprintf(out, len, "%s", pattern);
  } else {
    snprintf(out, len, "%.*s%llu%s", (int)(mark - pattern), pattern,
             (unsigned long long)number, mark + 2);
  }
}

struct client *client_open(struct load *load, uint64_t number,
                           client_cb *on_event, void *owner) {
  struct client *client = xcalloc(1, sizeof(*client));
  client->load = load;
  client->on_event = on_event;
  client->owner = owner;
  name_of(client->name, sizeof(client->name), load->name,
          number % load->num_names);
  client->opened_ns = now_ns();
  client->deadline_ns = client->opened_ns + load->step_timeout_ns;
  client->next = load->open;
  if (load->open != NULL) {
    load->open->prev = client;
  }
  load->open = client;
  conn_connect(&client->conn, &load->loop, &load->to, on_ready, on_dead);
  return client;
}
