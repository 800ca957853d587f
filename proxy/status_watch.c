#include "proxy/status_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/event_reader.h"
#include "proxy/status_screen.h"
#include "proxy/terminal.h"

enum {
  kTickMs = 1000,  // the clock on the screen goes on
  kDrawMs = 100,   // the shortest time between two drawings
  kNumSignals = 6,
  kControlC = 3,
};

static const int kSignals[kNumSignals] = {SIGINT,  SIGTERM,  SIGHUP,
                                          SIGQUIT, SIGWINCH, SIGTSTP};

struct watch {
  uv_loop_t loop;
  uv_poll_t proxy;
  uv_poll_t keys;
  uv_timer_t tick;
  uv_timer_t draw;
  uv_signal_t signals[kNumSignals];
  struct status_client *client;
  struct event_reader reader;
  struct address address;
  struct status_view view;
  struct status_rows rows;
  uint64_t heard_ms;  // of the loop's clock
  struct termios keys_before;
  int flags_before;  // of the terminal, which the shell has open too
  enum status_outcome outcome;
  int signal;
};

bool status_watch_possible(void) {
  return isatty(STDIN_FILENO) && terminal_is(STDOUT_FILENO);
}

// Writes all of it, and waits where the terminal is slow.
static void write_all(const struct bytes *bytes) {
  size_t done = 0;
  while (done < bytes->len) {
    ssize_t len = write(STDOUT_FILENO, bytes->data + done, bytes->len - done);
    if (len < 0 && errno == EAGAIN) {
      struct pollfd poller = {.fd = STDOUT_FILENO, .events = POLLOUT};
      poll(&poller, 1, kTickMs);
    } else if (len < 0 && errno != EINTR) {
      return;  // the terminal has gone: SIGHUP says so
    }
    done += len > 0 ? (size_t)len : 0;
  }
}

// Keys come as they are typed and are not shown. Those of signals stay.
static void enter_screen(struct watch *w) {
  struct bytes out = {0};
  struct termios keys = w->keys_before;
  keys.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
  fcntl(STDIN_FILENO, F_SETFL, w->flags_before | O_NONBLOCK);
  status_screen_enter(&out);
  write_all(&out);
  free(out.data);
}

static void leave_screen(struct watch *w) {
  struct bytes out = {0};
  status_screen_leave(&out);
  write_all(&out);
  free(out.data);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &w->keys_before);
  fcntl(STDIN_FILENO, F_SETFL, w->flags_before);
}

static void draw(struct watch *w) {
  struct bytes out = {0};
  struct status_screen screen = {
      .address = &w->address,
      .view = &w->view,
      .rows = &w->rows,
      .silent_s = (uv_now(&w->loop) - w->heard_ms) / 1000,
      .colour = terminal_has_colour(STDOUT_FILENO),
  };
  terminal_size(STDOUT_FILENO, &screen.columns, &screen.lines);
  status_screen_draw(&out, &screen);
  write_all(&out);
  free(out.data);
}

static void on_draw(uv_timer_t *timer) { draw(timer->data); }

static void on_tick(uv_timer_t *timer) {
  struct watch *w = timer->data;
  w->view.uptime_s++;
  draw(w);
}

// Many events make one drawing.
static void draw_soon(struct watch *w) {
  if (!uv_is_active((uv_handle_t *)&w->draw)) {
    uv_timer_start(&w->draw, on_draw, kDrawMs, 0);
  }
}

static void end(struct watch *w, enum status_outcome outcome) {
  w->outcome = outcome;
  uv_stop(&w->loop);
}

static void on_event(void *owner, const char *name, const char *data,
                     size_t data_len) {
  struct watch *w = owner;
  struct status_view view;
  struct status_row row;
  (void)data_len;
  if (strcmp(name, "status") == 0 && status_view_read(&view, data)) {
    w->view = view;
    uv_timer_again(&w->tick);
  } else if (strcmp(name, "visit") == 0 && status_row_read(&row, data)) {
    status_rows_put(&w->rows, &row);
  }
  draw_soon(w);
}

static void read_events(struct watch *w) {
  struct bytes content = {0};
  enum status_outcome outcome = status_client_read(w->client, &content, 0);
  w->heard_ms = uv_now(&w->loop);
  if (!event_reader_feed(&w->reader, content.data, content.len, on_event, w)) {
    outcome = STATUS_TOO_LONG;
  }
  free(content.data);
  if (outcome != STATUS_MORE) {
    end(w, outcome);
  }
}

static void on_proxy(uv_poll_t *poller, int status, int events) {
  (void)status;
  (void)events;
  read_events(poller->data);
}

static void on_key(uv_poll_t *poller, int status, int events) {
  struct watch *w = poller->data;
  char keys[64];
  (void)events;
  ssize_t len = status == 0 ? read(STDIN_FILENO, keys, sizeof(keys)) : 0;
  if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
    end(w, STATUS_MORE);
    return;
  }
  for (ssize_t i = 0; i < len; i++) {
    if (keys[i] == 'q' || keys[i] == 'Q' || keys[i] == kControlC) {
      end(w, STATUS_MORE);
    }
  }
}

// Stops as the shell wants it, with the terminal as it was.
static void pause_for_shell(struct watch *w) {
  leave_screen(w);
  kill(getpid(), SIGSTOP);
  enter_screen(w);
  draw(w);
}

static void on_signal(uv_signal_t *handle, int signal) {
  struct watch *w = handle->data;
  switch (signal) {
    case SIGWINCH:
      draw(w);
      return;
    case SIGTSTP:
      pause_for_shell(w);
      return;
    case SIGINT:  // is how one leaves it
      end(w, STATUS_MORE);
      return;
    default:
      w->signal = signal;
      end(w, STATUS_MORE);
  }
}

static void init_handles(struct watch *w) {
  uv_loop_init(&w->loop);
  uv_poll_init(&w->loop, &w->proxy, status_client_fd(w->client));
  uv_poll_init(&w->loop, &w->keys, STDIN_FILENO);
  uv_timer_init(&w->loop, &w->tick);
  uv_timer_init(&w->loop, &w->draw);
  w->proxy.data = w->keys.data = w->tick.data = w->draw.data = w;
  w->heard_ms = uv_now(&w->loop);
  uv_poll_start(&w->proxy, UV_READABLE, on_proxy);
  uv_poll_start(&w->keys, UV_READABLE, on_key);
  uv_timer_start(&w->tick, on_tick, kTickMs, kTickMs);
  for (size_t i = 0; i < kNumSignals; i++) {
    uv_signal_init(&w->loop, &w->signals[i]);
    w->signals[i].data = w;
    uv_signal_start(&w->signals[i], on_signal, kSignals[i]);
  }
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  uv_close(handle, NULL);
}

// Between the two the terminal is ours: nothing in here returns early.
static void show(struct watch *w) {
  tcgetattr(STDIN_FILENO, &w->keys_before);
  w->flags_before = fcntl(STDIN_FILENO, F_GETFL);
  init_handles(w);
  enter_screen(w);
  read_events(w);  // what came with the head
  draw(w);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  leave_screen(w);
  uv_walk(&w->loop, close_handle, NULL);
  uv_run(&w->loop, UV_RUN_DEFAULT);
  uv_loop_close(&w->loop);
}

enum status_outcome status_watch_run(const struct running *running,
                                     int *out_signal) {
  struct watch *w = xcalloc(1, sizeof(*w));
  w->outcome = status_client_open(&w->client, running, "/api/events");
  if (w->outcome == STATUS_MORE) {
    running_reach(&w->address, running);
    show(w);
  }
  enum status_outcome outcome = w->outcome;
  *out_signal = w->signal;
  event_reader_cleanup(&w->reader);
  status_client_close(w->client);
  free(w);
  return outcome;
}
