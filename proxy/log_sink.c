#include "proxy/log_sink.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/log_repeats.h"
#include "proxy/terminal.h"

struct log_sink {
  struct log_form form;   // but for its format: that of the last line
  pthread_mutex_t mutex;  // guards the rest, and standard error
  struct log_repeats *repeats;
  time_t began;  // by the monotonic clock: when the first line was counted
};

// JOURNAL_STREAM is "DEVICE:INODE" of what the service manager connected to the
// journal. What was redirected since is something else.
static bool is_journal(int fd) {
  const char *stream = getenv("JOURNAL_STREAM");
  struct stat info;
  char ours[64];
  if (stream == NULL || fstat(fd, &info) != 0) {
    return false;
  }
  snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)info.st_dev,
           (unsigned long long)info.st_ino);
  return strcmp(stream, ours) == 0;
}

static enum log_reader reader_of(int fd) {
  return is_journal(fd)    ? LOG_READER_JOURNAL
         : terminal_is(fd) ? LOG_READER_TERMINAL
                           : LOG_READER_FILE;
}

struct log_sink *log_sink_new(void) {
  struct log_sink *sink = xcalloc(1, sizeof(*sink));
  sink->form.reader = reader_of(STDERR_FILENO);
  sink->form.colour = terminal_has_colour(STDERR_FILENO);
  sink->repeats = log_repeats_new();
  if (pthread_mutex_init(&sink->mutex, NULL) != 0) {
    abort();
  }
  return sink;
}

static time_t seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

static void write_sum(void *owner, const struct log_line *line) {
  const struct log_sink *sink = owner;
  log_line_write(line, &sink->form);
}

void log_sink_flush(struct log_sink *sink) {
  pthread_mutex_lock(&sink->mutex);
  time_t passed = seconds_now() - sink->began;
  log_repeats_end(sink->repeats, passed > 0 ? (unsigned)passed : 1, write_sum,
                  sink);
  pthread_mutex_unlock(&sink->mutex);
}

void log_sink_write(struct log_sink *sink, const struct log_line *line,
                    enum log_format format) {
  pthread_mutex_lock(&sink->mutex);
  sink->form.format = format;
  if (log_repeats_is_empty(sink->repeats)) {
    sink->began = seconds_now();
  }
  if (log_repeats_admit(sink->repeats, line)) {
    log_line_write(line, &sink->form);
  }
  pthread_mutex_unlock(&sink->mutex);
}

void log_sink_free(struct log_sink *sink) {
  if (sink == NULL) {
    return;
  }
  log_sink_flush(sink);
  log_repeats_free(sink->repeats);
  pthread_mutex_destroy(&sink->mutex);
  free(sink);
}

struct log_ticker {
  struct log_sink *sink;
  uv_timer_t timer;
};

static void on_tick(uv_timer_t *timer) {
  const struct log_ticker *ticker = timer->data;
  log_sink_flush(ticker->sink);
}

struct log_ticker *log_ticker_open(struct worker *worker,
                                   struct log_sink *sink) {
  struct log_ticker *ticker = xcalloc(1, sizeof(*ticker));
  ticker->sink = sink;
  uv_timer_init(worker_loop(worker), &ticker->timer);
  ticker->timer.data = ticker;
  uv_timer_start(&ticker->timer, on_tick, kLogSinkIntervalMs,
                 kLogSinkIntervalMs);
  return ticker;
}

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

void log_ticker_close(struct log_ticker *ticker) {
  if (ticker != NULL) {
    uv_close((uv_handle_t *)&ticker->timer, on_timer_closed);
  }
}
