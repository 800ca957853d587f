#include "load_modes.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/xalloc.h"

enum { kOpening = 64, kSmall = 1024, kMaxInFlight = 512, kChurnUs = 5000 };

// Printing.

// samples are durations.
struct samples {
  uint64_t *ns;
  uint64_t num;
};

static int compare(const void *a, const void *b) {
  uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
  return left < right ? -1 : left > right;
}

static double quantile_us(const struct samples *s, double q) {
  uint64_t at = (uint64_t)(q * (double)s->num);
  return s->num == 0 ? 0 : (double)s->ns[at < s->num ? at : s->num - 1] / 1e3;
}

static void print_quantiles(const char *key, struct samples *s) {
  double sum = 0;
  qsort(s->ns, s->num, sizeof(*s->ns), compare);
  for (uint64_t i = 0; i < s->num; i++) {
    sum += (double)s->ns[i] / 1e3;
  }
  printf(
      ", \"%s\": {\"mean\": %.1f, \"p50\": %.1f, \"p90\": %.1f, "
      "\"p99\": %.1f, \"p99.9\": %.1f, \"max\": %.1f}",
      key, s->num == 0 ? 0 : sum / (double)s->num, quantile_us(s, 0.5),
      quantile_us(s, 0.9), quantile_us(s, 0.99), quantile_us(s, 0.999),
      quantile_us(s, 1));
}

static void print_begin(const struct load *load, const char *mode,
                        double seconds) {
  printf(
      "{\"mode\": \"%s\", \"seconds\": %.6f, \"errors\": %llu, "
      "\"opened\": %llu, \"resumed\": %llu, \"ech_accepted\": %llu",
      mode, seconds, (unsigned long long)load->errors,
      (unsigned long long)load->opened, (unsigned long long)load->resumed,
      (unsigned long long)load->ech);
}

static void print_count(const char *key, uint64_t count) {
  printf(", \"%s\": %llu", key, (unsigned long long)count);
}

static void print_end(void) {
  printf("}\n");
  fflush(stdout);
}

static double seconds_since(uint64_t ns) {
  return (double)(now_ns() - ns) / 1e9;
}

static uint64_t at_least_1(uint64_t n) { return n == 0 ? 1 : n; }

// connect: connections, each with one small answer.

struct connecting {
  struct load *load;
  uint64_t count;
  uint64_t started;
  uint64_t finished;
  struct samples ttfb;
};

static void on_connecting(struct client *client, enum client_event event);

static void connect_another(struct connecting *c) {
  if (c->started < c->count) {
    client_open(c->load, c->started++, on_connecting, c);
  }
}

static void on_connecting(struct client *client, enum client_event event) {
  struct connecting *c = client->owner;
  if (event == CLIENT_OPEN) {
    client_get(client, kSmall);
    return;
  }
  if (event == CLIENT_ANSWERED) {
    c->ttfb.ns[c->ttfb.num++] = client->first_byte_ns - client->opened_ns;
    client_close(client);
  }
  c->load->loop.stopped |= ++c->finished == c->count;
  connect_another(c);
}

static void run_connect(struct load *load, const struct mode_options *o) {
  struct connecting c = {.load = load, .count = o->count};
  c.ttfb.ns = xcalloc(o->count, sizeof(uint64_t));
  uint64_t start = now_ns();
  for (uint64_t i = 0; i < o->concurrency; i++) {
    connect_another(&c);
  }
  loop_run(&load->loop);
  double seconds = seconds_since(start);
  print_begin(load, "connect", seconds);
  print_count("count", c.ttfb.num);
  print_count("concurrency", o->concurrency);
  printf(", \"per_second\": %.1f", (double)c.ttfb.num / seconds);
  print_quantiles("ttfb_us", &c.ttfb);
  print_end();
  free(c.ttfb.ns);
}

// request: answers on one connection, one after the other. The first is not
// counted: what it waits for is the handshake's end.

struct requesting {
  uint64_t count;
  uint64_t size;
  uint64_t start_ns;
  struct samples latency;
};

static void on_requesting(struct client *client, enum client_event event) {
  struct requesting *r = client->owner;
  if (event == CLIENT_ANSWERED && client->again) {
    r->latency.ns[r->latency.num++] = client->answered_ns - client->asked_ns;
  }
  if (event == CLIENT_ANSWERED && !client->again) {
    client->again = true;
    r->start_ns = now_ns();
  }
  if (event == CLIENT_FAILED || r->latency.num == r->count) {
    client->load->loop.stopped = true;
    return;
  }
  client_get(client, r->size);
}

static void run_request(struct load *load, const struct mode_options *o) {
  struct requesting r = {.count = o->count, .size = o->size};
  r.latency.ns = xcalloc(o->count, sizeof(uint64_t));
  r.start_ns = now_ns();
  client_open(load, 0, on_requesting, &r);
  loop_run(&load->loop);
  print_begin(load, "request", seconds_since(r.start_ns));
  print_count("count", r.latency.num);
  print_count("size", o->size);
  print_quantiles("latency_us", &r.latency);
  print_end();
  free(r.latency.ns);
}

// download and upload: the clock starts when all connections are open.

struct transfer {
  uint64_t bytes;
  uint64_t parallel;
  bool upload;
  struct client **clients;
  uint64_t open;
  uint64_t finished;
  uint64_t start_ns;
};

static void start_transfer(struct transfer *t) {
  t->start_ns = now_ns();
  for (uint64_t i = 0; i < t->parallel; i++) {
    t->clients[i]->again = true;
    (t->upload ? client_post : client_get)(t->clients[i], t->bytes);
  }
}

// A first small answer means that the handshake is over on all sides.
static void on_transfer(struct client *client, enum client_event event) {
  struct transfer *t = client->owner;
  if (event == CLIENT_OPEN) {
    client_get(client, 1);
  } else if (event == CLIENT_FAILED) {
    client->load->loop.stopped = true;
  } else if (!client->again) {
    t->clients[t->open++] = client;
    if (t->open == t->parallel) {
      start_transfer(t);
    }
  } else {
    client->load->loop.stopped |= ++t->finished == t->parallel;
  }
}

static void run_transfer(struct load *load, const struct mode_options *o,
                         bool upload) {
  struct transfer t = {
      .bytes = o->bytes, .parallel = o->parallel, .upload = upload};
  t.clients = xcalloc(o->parallel, sizeof(*t.clients));
  t.start_ns = now_ns();
  for (uint64_t i = 0; i < o->parallel; i++) {
    client_open(load, i, on_transfer, &t);
  }
  loop_run(&load->loop);
  double seconds = seconds_since(t.start_ns);
  uint64_t moved = t.finished * t.bytes;
  print_begin(load, upload ? "upload" : "download", seconds);
  print_count("bytes", moved);
  print_count("parallel", t.parallel);
  printf(", \"mb_per_s\": %.2f", (double)moved / 1e6 / seconds);
  print_end();
  free(t.clients);
}

static void run_download(struct load *load, const struct mode_options *o) {
  run_transfer(load, o, false);
}

static void run_upload(struct load *load, const struct mode_options *o) {
  run_transfer(load, o, true);
}

// Held tunnels, for idle and churn: opened, used once, held, and used again at
// the end.

struct held {
  struct load *load;
  uint64_t count;
  uint64_t started;
  uint64_t settled;  // are held, or have failed
  uint64_t checked;  // have answered again
  uint64_t lost;     // have failed after they were held
  bool checking;
  struct client **clients;  // NULL where one has failed
  void (*on_held)(void *owner);
  void *owner;
};

static void on_held_event(struct client *client, enum client_event event);

static void hold_another(struct held *h) {
  if (h->started < h->count) {
    uint64_t number = h->started++;
    h->clients[number] = client_open(h->load, number, on_held_event, h);
  }
}

static void held_settle(struct held *h) {
  hold_another(h);
  if (++h->settled == h->count) {
    h->on_held(h->owner);
  }
}

static void held_forget(struct held *h, const struct client *client) {
  for (uint64_t i = 0; i < h->started; i++) {
    if (h->clients[i] == client) {
      h->clients[i] = NULL;
    }
  }
}

static void held_stop_if_checked(struct held *h) {
  h->load->loop.stopped |= h->checked + h->lost == h->count;
}

static void on_held_event(struct client *client, enum client_event event) {
  struct held *h = client->owner;
  if (event == CLIENT_OPEN) {
    client_get(client, kSmall);
  } else if (event == CLIENT_ANSWERED && !client->again) {
    client->again = true;
    held_settle(h);
  } else if (event == CLIENT_ANSWERED) {
    h->checked++;
    held_stop_if_checked(h);
  } else {
    h->lost++;
    held_forget(h, client);
    if (!client->again) {
      held_settle(h);
    } else if (h->checking) {
      held_stop_if_checked(h);
    }
  }
}

static void held_start(struct held *h) {
  h->clients = xcalloc(at_least_1(h->count), sizeof(*h->clients));
  for (uint64_t i = 0; i < kOpening; i++) {
    hold_another(h);
  }
}

// held_check ends the loop when every tunnel has answered again. A tunnel that
// fails during the check is lost too.
static void held_check(struct held *h) {
  h->checking = true;
  held_stop_if_checked(h);
  for (uint64_t i = 0; i < h->count; i++) {
    if (h->clients[i] != NULL) {
      client_get(h->clients[i], kSmall);
    }
  }
}

// idle: tunnels held until stdin closes.

struct idle {
  struct held held;
  struct watch input;
};

static void on_input(struct watch *watch, uint32_t events) {
  struct idle *idle =
      (struct idle *)((char *)watch - offsetof(struct idle, input));
  char bytes[256];
  (void)events;
  if (read(watch->fd, bytes, sizeof(bytes)) <= 0) {
    watch->fd = -1;
    epoll_ctl(idle->held.load->loop.epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO,
              NULL);
    held_check(&idle->held);
  }
}

static void on_idle(void *owner) {
  struct idle *idle = owner;
  printf("ready\n");
  fflush(stdout);
  idle->input = (struct watch){STDIN_FILENO, on_input};
  if (!loop_add(&idle->held.load->loop, &idle->input, EPOLLIN)) {
    held_check(&idle->held);
  }
}

static void run_idle(struct load *load, const struct mode_options *o) {
  struct idle idle = {
      .held = {.load = load, .count = o->count, .on_held = on_idle}};
  idle.held.owner = &idle;
  uint64_t start = now_ns();
  held_start(&idle.held);
  loop_run(&load->loop);
  print_begin(load, "idle", seconds_since(start));
  print_count("count", idle.held.count);
  print_count("checked", idle.held.checked);
  print_end();
  free(idle.held.clients);
}

// churn: tunnels opened at a steady rate, used and closed, beside held ones.

struct churn {
  struct held held;
  struct watch timer;
  uint64_t per_minute;
  uint64_t total;
  uint64_t started;
  uint64_t finished;
  uint64_t start_ns;
  uint64_t end_ns;
  uint64_t late;  // were due, and had to wait because too many were under way
  struct samples ttfb;
};

static void on_churned(struct client *client, enum client_event event) {
  struct churn *c = client->owner;
  if (event == CLIENT_OPEN) {
    client_get(client, kSmall);
    return;
  }
  if (event == CLIENT_ANSWERED) {
    c->ttfb.ns[c->ttfb.num++] = client->first_byte_ns - client->opened_ns;
    client_close(client);
  }
  if (++c->finished == c->total) {
    c->end_ns = now_ns();
    held_check(&c->held);
  }
}

static void on_churn_tick(struct watch *watch, uint32_t events) {
  struct churn *c =
      (struct churn *)((char *)watch - offsetof(struct churn, timer));
  uint64_t ticks;
  (void)events;
  if (read(watch->fd, &ticks, sizeof(ticks)) < 0) {
    return;
  }
  double due = seconds_since(c->start_ns) * (double)c->per_minute / 60;
  while (c->started < c->total && (double)c->started <= due) {
    if (c->started - c->finished >= kMaxInFlight) {
      c->late++;
      return;
    }
    client_open(c->held.load, c->held.count + c->started++, on_churned, c);
  }
}

static void start_churn(void *owner) {
  struct churn *c = owner;
  c->start_ns = now_ns();
  c->timer = (struct watch){-1, on_churn_tick};
  loop_every(&c->held.load->loop, &c->timer, kChurnUs);
}

static void run_churn(struct load *load, const struct mode_options *o) {
  struct churn c = {
      .held = {.load = load, .count = o->hold, .on_held = start_churn}};
  c.held.owner = &c;
  c.timer.fd = -1;
  c.per_minute = o->per_minute;
  c.total = at_least_1(o->per_minute * o->seconds / 60);
  c.ttfb.ns = xcalloc(c.total, sizeof(uint64_t));
  held_start(&c.held);
  if (o->hold == 0) {
    start_churn(&c);
  }
  loop_run(&load->loop);
  double seconds = (double)(c.end_ns - c.start_ns) / 1e9;
  print_begin(load, "churn", c.end_ns == 0 ? 0 : seconds);
  print_count("count", c.ttfb.num);
  print_count("held", c.held.count);
  print_count("checked", c.held.checked);
  print_count("late", c.late);
  print_quantiles("ttfb_us", &c.ttfb);
  print_end();
  close(c.timer.fd);
  free(c.held.clients);
  free(c.ttfb.ns);
}

mode_fn *mode_find(const char *name) {
  static const struct {
    const char *name;
    mode_fn *run;
  } kModes[] = {
      {"connect", run_connect},   {"request", run_request},
      {"download", run_download}, {"upload", run_upload},
      {"idle", run_idle},         {"churn", run_churn},
  };
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    if (strcmp(name, kModes[i].name) == 0) {
      return kModes[i].run;
    }
  }
  return NULL;
}
