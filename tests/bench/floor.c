// bench_floor is the floor that proxies are measured against: it relays between
// two TLS sessions, and does nothing else. No policy, no DNS, no deadlines, one
// certificate for every name, one site for every CONNECT.
//
//   bench_floor --listen ADDR:PORT --to ADDR:PORT --cert PEM --key PEM
//               [--ca PEM] [--verify|--no-verify] [--ech FILE] [--resume]
//               [--groups LIST]
//   bench_floor --listen ADDR:PORT --to ADDR:PORT --blind
//
// README.md beside this file describes the options.

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "http.h"
#include "net/xalloc.h"
#include "tls.h"
#include "wire.h"

enum { kMaxHead = 8192 };

struct floor {
  struct loop loop;
  struct watch listener;
  struct watch signals;
  struct endpoint to;
  SSL_CTX *server;
  struct tls_client *client;
  bool blind;
  uint64_t tunnels;
  uint64_t failed;
  uint64_t num_open;
  struct tunnel *open;  // all of them
};

// A side's life: the browser's begins with its CONNECT, the origin's with its
// connection.
enum step { READ_CONNECT, CONNECTING, HANDSHAKE, OPEN };

struct side {
  struct conn conn;
  struct tunnel *tunnel;
  enum step step;
  bool ended;  // nothing more comes from it
};

struct tunnel {
  struct floor *floor;
  struct side browser;
  struct side origin;
  int num_conns;  // that are not dead
  struct tunnel *next, *prev;
};

// Life and death of a tunnel.

static void tunnel_link(struct tunnel *t) {
  struct floor *f = t->floor;
  t->next = f->open;
  if (f->open != NULL) {
    f->open->prev = t;
  }
  f->open = t;
  f->tunnels++;
  f->num_open++;
}

static void tunnel_free(struct tunnel *t) {
  if (t->prev != NULL) {
    t->prev->next = t->next;
  } else {
    t->floor->open = t->next;
  }
  if (t->next != NULL) {
    t->next->prev = t->prev;
  }
  t->floor->num_open--;
  free(t);
}

static void on_dead(struct conn *conn) {
  struct tunnel *t = ((struct side *)conn)->tunnel;
  if (--t->num_conns == 0) {
    tunnel_free(t);
  }
}

static void tunnel_close(struct tunnel *t) {
  conn_close(&t->browser.conn);
  if (t->origin.tunnel != NULL) {
    conn_close(&t->origin.conn);
  }
}

static void tunnel_fail(struct tunnel *t) {
  t->floor->failed++;
  tunnel_close(t);
}

// The relay.

// read_record reads until a whole record's worth of plaintext is there, so that
// small records become large ones. It returns what stopped it, if anything did.
static int read_record(struct conn *conn, uint8_t *plain, size_t *out_len) {
  size_t len = 0;
  int n = 1;
  while (len < kTlsRecord && n > 0) {
    n = conn_read(conn, plain + len, kTlsRecord - len);
    len += n > 0 ? (size_t)n : 0;
  }
  *out_len = len;
  return n > 0 ? 1 : n;
}

static int move_tls(struct conn *from, struct conn *to) {
  uint8_t plain[kTlsRecord];
  int result;
  size_t len;
  do {
    result = read_record(from, plain, &len);
    if (len > 0 && !conn_write(to, plain, len)) {
      return CONN_FAILED;
    }
  } while (result > 0);
  conn_flush(to);
  return result;
}

static int move_blind(struct conn *from, struct conn *to) {
  const uint8_t *data = from->in;
  size_t len = from->in_len;
  from->in_len = 0;
  if (len > 0 && !conn_write(to, data, len)) {
    return CONN_FAILED;
  }
  conn_flush(to);
  free(from->kept);
  from->kept = NULL;
  return from->ended ? CONN_END : CONN_AGAIN;
}

// pump moves what `from` has received until it has no more or `to` has no room.
static int pump(struct side *from, struct side *to) {
  bool blind = from->tunnel->floor->blind;
  for (int i = 0; i < kMaxRounds; i++) {
    if (to->conn.pending_len > 0 ||
        (!from->conn.readable && from->conn.in_len == 0)) {
      return CONN_AGAIN;
    }
    int got = conn_fill(&from->conn);
    int left = blind ? move_blind(&from->conn, &to->conn)
                     : move_tls(&from->conn, &to->conn);
    if (got == CONN_FAILED || left < 0) {
      return got == CONN_FAILED ? got : left;
    }
  }
  conn_come_back(&from->conn);
  return CONN_AGAIN;
}

// tunnel_end closes both sides once one has ended, with the other told so.
static void tunnel_end(struct tunnel *t, struct side *other) {
  if (other->conn.ssl != NULL) {
    SSL_shutdown(other->conn.ssl);
  }
  tunnel_close(t);
}

static void relay(struct tunnel *t) {
  struct side *sides[2] = {&t->browser, &t->origin};
  for (int i = 0; i < 2; i++) {
    int result = pump(sides[i], sides[1 - i]);
    if (result == CONN_FAILED) {
      tunnel_fail(t);
      return;
    }
    sides[i]->ended |= result == CONN_END;
    if (sides[i]->ended && sides[1 - i]->conn.pending_len == 0) {
      tunnel_end(t, sides[1 - i]);
      return;
    }
  }
}

// The way to it.

// handshake goes on with a side's handshake; false when the tunnel has failed.
static bool handshake(struct side *side) {
  struct tunnel *t = side->tunnel;
  char text[256];
  int result = conn_handshake(&side->conn);
  if (result == CONN_AGAIN) {
    return true;
  }
  if (result != 1 || (side == &t->origin &&
                      !tls_client_agrees(t->floor->client, side->conn.ssl))) {
    fprintf(stderr, "bench_floor: handshake with the %s: %s\n",
            side == &t->origin ? "origin" : "browser",
            result == 1 ? "ECH was not accepted"
                        : conn_error(&side->conn, text, sizeof(text)));
    tunnel_fail(t);
    return false;
  }
  side->step = OPEN;
  conn_keep(&side->conn);
  return true;
}

// advance does what can be done after either side had an event.
static void advance(struct tunnel *t, struct side *side) {
  if (side->step == HANDSHAKE && !handshake(side)) {
    return;
  }
  if (t->browser.step == OPEN && t->origin.step == OPEN) {
    relay(t);
  } else if (side->conn.err != 0) {
    tunnel_fail(t);
  }
}

static void on_origin_ready(struct conn *conn) {
  struct side *side = (struct side *)conn;
  struct tunnel *t = side->tunnel;
  if (side->step == CONNECTING) {
    side->step = t->floor->blind ? OPEN : HANDSHAKE;
  }
  advance(t, side);
}

static void dial(struct tunnel *t, const char *name) {
  struct floor *f = t->floor;
  t->origin.tunnel = t;
  t->origin.step = CONNECTING;
  t->num_conns++;
  conn_connect(&t->origin.conn, &f->loop, &f->to, on_origin_ready, on_dead);
  if (!f->blind) {
    conn_start_tls(&t->origin.conn, tls_client_session(f->client, name));
  }
}

static void greet(struct side *browser) {
  static const char kAnswer[] = "HTTP/1.1 200 OK\r\n\r\n";
  struct floor *f = browser->tunnel->floor;
  conn_write(&browser->conn, (const uint8_t *)kAnswer, sizeof(kAnswer) - 1);
  conn_flush(&browser->conn);
  browser->step = OPEN;
  if (!f->blind) {
    SSL *ssl = SSL_new(f->server);
    SSL_set_accept_state(ssl);
    conn_start_tls(&browser->conn, ssl);
    browser->step = HANDSHAKE;
  }
}

// read_connect takes the whole head from one read, as clients send it.
static bool read_connect(struct side *browser) {
  char head[kMaxHead], name[256];
  int len = conn_fill(&browser->conn);
  if (len == CONN_AGAIN) {
    return true;
  }
  if (len < 0 || len >= kMaxHead) {
    return false;
  }
  conn_read(&browser->conn, (uint8_t *)head, (size_t)len);
  head[len] = '\0';
  if (head_end(head, (size_t)len) != (size_t)len ||
      sscanf(head, "CONNECT %255[^: ]:", name) != 1) {
    fprintf(stderr, "bench_floor: not a CONNECT\n");
    return false;
  }
  dial(browser->tunnel, name);
  greet(browser);
  return true;
}

static void on_browser_ready(struct conn *conn) {
  struct side *browser = (struct side *)conn;
  if (browser->step == READ_CONNECT) {
    if (!read_connect(browser)) {
      tunnel_fail(browser->tunnel);
    }
    return;
  }
  advance(browser->tunnel, browser);
}

// The program.

static void on_connection(struct watch *watch, uint32_t events) {
  struct floor *f =
      (struct floor *)((char *)watch - offsetof(struct floor, listener));
  (void)events;
  int fd = endpoint_accept(watch->fd);
  if (fd < 0) {
    return;
  }
  struct tunnel *t = xcalloc(1, sizeof(*t));
  t->floor = f;
  t->num_conns = 1;
  t->browser.tunnel = t;
  tunnel_link(t);
  conn_open(&t->browser.conn, &f->loop, fd, on_browser_ready, on_dead);
}

static void on_signal(struct watch *watch, uint32_t events) {
  struct floor *f =
      (struct floor *)((char *)watch - offsetof(struct floor, signals));
  int signum = loop_signal(watch);
  (void)events;
  if (signum != 0) {
    printf("{\"tunnels\": %llu, \"failed\": %llu, \"open\": %llu}\n",
           (unsigned long long)f->tunnels, (unsigned long long)f->failed,
           (unsigned long long)f->num_open);
    fflush(stdout);
  }
  f->loop.stopped |= signum == SIGTERM || signum == SIGINT;
}

struct arguments {
  const char *listen, *to, *cert, *key, *ca, *ech, *groups;
  bool verify, no_verify, blind, resume;
};

static void parse(struct arguments *a, char **argv) {
  const struct option options[] = {{.name = "listen", .text = &a->listen},
                                   {.name = "to", .text = &a->to},
                                   {.name = "cert", .text = &a->cert},
                                   {.name = "key", .text = &a->key},
                                   {.name = "ca", .text = &a->ca},
                                   {.name = "ech", .text = &a->ech},
                                   {.name = "groups", .text = &a->groups},
                                   {.name = "verify", .flag = &a->verify},
                                   {.name = "no-verify", .flag = &a->no_verify},
                                   {.name = "blind", .flag = &a->blind},
                                   {.name = "resume", .flag = &a->resume},
                                   {.name = NULL}};
  options_parse(options, NULL, argv);
  if (a->listen == NULL || a->to == NULL ||
      (!a->blind && (a->cert == NULL || a->key == NULL))) {
    die("--listen, --to, --cert and --key are needed (no --cert and --key "
        "with --blind)");
  }
  if (a->verify && (a->no_verify || a->ca == NULL)) {
    die("--verify needs --ca PEM and no --no-verify");
  }
  a->verify = a->ca != NULL && !a->no_verify;
}

static void floor_init(struct floor *f, const struct arguments *a) {
  struct endpoint at = endpoint_parse("--listen", a->listen);
  f->to = endpoint_parse("--to", a->to);
  f->blind = a->blind;
  if (!f->blind) {
    f->server = tls_server_new(a->cert, a->key, NULL, NULL, true);
    f->client =
        tls_client_new(a->verify ? a->ca : NULL, a->ech, "http/1.1", a->resume);
  }
  loop_init(&f->loop);
  f->signals.on_event = on_signal;
  loop_signals(&f->loop, &f->signals);
  f->listener = (struct watch){endpoint_listen(&at, false), on_connection};
  loop_add(&f->loop, &f->listener, EPOLLIN);
  endpoint_announce(&at);
}

static void floor_cleanup(struct floor *f) {
  for (struct tunnel *t = f->open; t != NULL; t = t->next) {
    tunnel_close(t);
  }
  close(f->listener.fd);
  close(f->signals.fd);
  loop_cleanup(&f->loop);
  SSL_CTX_free(f->server);
  tls_client_free(f->client);
}

int main(int argc, char **argv) {
  (void)argc;
  struct arguments arguments = {0};
  struct floor f = {0};
  parse(&arguments, argv);
  floor_init(&f, &arguments);
  loop_run(&f.loop);
  floor_cleanup(&f);
  return 0;
}
