#include "proxy/log_sink.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "proxy/log_repeats.h"
#include "support/leaks.h"

enum { kOutputSize = 65536 };

static const struct log_tunnel kHidden = {.host = "secret.test",
                                          .port = 443,
                                          .verdict = "hidden",
                                          .step = "relay",
                                          .seen = "cdn.test",
                                          .bytes_up = 1,
                                          .bytes_down = 2,
                                          .duration_ms = 3};
static const struct log_tunnel kRefused = {
    .verdict = "refused", .step = "find-ech", .cause = "no\x1b[2Jname\n"};

// Makes `fd` standard error, which is nobody's else in a test.
static void redirect(int fd) { cr_assert_geq(dup2(fd, STDERR_FILENO), 0); }

static int file_new(void) {
  FILE *file = tmpfile();
  cr_assert_not_null(file);
  return fileno(file);
}

static void read_back(int fd, char out[kOutputSize]) {
  lseek(fd, 0, SEEK_SET);
  ssize_t len = read(fd, out, kOutputSize - 1);
  cr_assert_geq(len, 0);
  out[len] = '\0';
}

static void write_one_of_each(struct log *log) {
  log->sink = log_sink_new();
  log_tunnel_end(log, &kHidden);
  log_tunnel_end(log, &kRefused);
  log_error(log, "an error");
  log_warning(log, "a warning");
  log_notice(log, "a notice");
  log_sink_free(log->sink);
}

static void set_journal(int fd) {
  struct stat info;
  char text[64];
  fstat(fd, &info);
  snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)info.st_dev,
           (unsigned long long)info.st_ino);
  setenv("JOURNAL_STREAM", text, 1);
}

Test(log_sink, gives_the_journal_levels_and_no_time) {
  struct log log = {.level = LOG_VERBOSE};
  char text[kOutputSize];
  int fd = file_new();
  redirect(fd);
  set_journal(fd);
  write_one_of_each(&log);
  read_back(fd, text);
  cr_expect_str_eq(
      text,
      "<6>hidden secret.test:443 step=relay up=1 down=2 ms=3 seen=cdn.test\n"
      "<4>refused step=find-ech up=0 down=0 ms=0 cause: no?[2Jname?\n"
      "<3>error: an error\n<4>warning: a warning\n<6>a notice\n");
}

Test(log_sink, gives_the_journal_json_as_it_is_elsewhere) {
  static const char *const kLevels[] = {"info", "info", "error", "warning",
                                        "info"};
  struct log log = {.format = LOG_JSON, .level = LOG_VERBOSE};
  char text[kOutputSize];
  int fd = file_new();
  redirect(fd);
  set_journal(fd);
  write_one_of_each(&log);
  read_back(fd, text);
  char *rest = text;
  for (size_t i = 0; i < 5; i++) {
    const char *line = strsep(&rest, "\n");
    cr_assert_eq(line[0], '<');
    json_t *object = json_loads(line + 3, 0, NULL);
    cr_assert_not_null(object, "%s", line);
    cr_expect_str_eq(json_string_value(json_object_get(object, "level")),
                     kLevels[i]);
    cr_expect_not_null(json_object_get(object, "time"));
    cr_expect_null(json_object_get(object, "repeats"));
    json_decref(object);
  }
}

Test(log_sink, believes_journal_stream_only_for_what_it_is_about) {
  struct log log = {.level = LOG_VERBOSE};
  char text[kOutputSize];
  int fd = file_new();
  redirect(fd);
  set_journal(file_new());
  write_one_of_each(&log);
  read_back(fd, text);
  cr_expect_null(strchr(text, '<'), "%s", text);
  cr_expect(strncmp(text, "20", 2) == 0, "%s", text);
}

// Opens a terminal as standard error and returns the side of the person.
static int open_terminal(void) {
  struct termios raw;
  int person = posix_openpt(O_RDWR | O_NOCTTY);
  cr_assert(person >= 0 && grantpt(person) == 0 && unlockpt(person) == 0);
  int fd = open(ptsname(person), O_RDWR | O_NOCTTY);
  cr_assert_geq(fd, 0);
  tcgetattr(fd, &raw);
  cfmakeraw(&raw);
  tcsetattr(fd, TCSANOW, &raw);
  redirect(fd);
  return person;
}

static void read_terminal(int person, char out[kOutputSize]) {
  size_t len = 0;
  while (strstr(out, "a notice\n") == NULL) {
    ssize_t n = read(person, out + len, kOutputSize - 1 - len);
    cr_assert_gt(n, 0);
    len += (size_t)n;
    out[len] = '\0';
  }
}

Test(log_sink, colours_verdicts_on_a_terminal, .timeout = 20) {
  struct log log = {.level = LOG_VERBOSE};
  char text[kOutputSize] = "";
  setenv("TERM", "xterm", 1);
  unsetenv("NO_COLOR");
  int person = open_terminal();
  write_one_of_each(&log);
  read_terminal(person, text);
  cr_expect_not_null(strstr(text,
                            "\x1b[32mhidden           \x1b[0m "
                            "\x1b[1msecret.test\x1b[0m:443"),
                     "%s", text);
  cr_expect_not_null(strstr(text, "\x1b[31mrefused          \x1b[0m"), "%s",
                     text);
  cr_expect_not_null(strstr(text, "\x1b[31merror: \x1b[0man error\n"), "%s",
                     text);
  cr_expect_null(strstr(text, "\x1b[2J"), "the site's own");
}

Test(log_sink, leaves_colour_out_where_it_is_not_wanted, .timeout = 20) {
  static const char *const kSettings[][2] = {{"NO_COLOR", "1"},
                                             {"TERM", "dumb"}};
  for (size_t i = 0; i < 2; i++) {
    struct log log = {.level = LOG_VERBOSE};
    char text[kOutputSize] = "";
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    setenv(kSettings[i][0], kSettings[i][1], 1);
    int person = open_terminal();
    write_one_of_each(&log);
    read_terminal(person, text);
    cr_expect_null(strchr(text, '\x1b'), "%s", text);
    cr_expect_not_null(strstr(text, "hidden"), "%s", text);
    close(person);
  }
}

static size_t count(const char *text, const char *part) {
  size_t num = 0;
  for (; (text = strstr(text, part)) != NULL; text += strlen(part)) {
    num++;
  }
  return num;
}

Test(log_sink, sums_up_at_the_end_of_an_interval_and_at_its_own) {
  struct log log = {.level = LOG_NORMAL, .sink = log_sink_new()};
  char text[kOutputSize];
  int fd = file_new();
  redirect(fd);
  for (int i = 0; i < 260; i++) {
    log_tunnel_end(&log, &kHidden);
  }
  log_sink_flush(log.sink);
  log_sink_flush(log.sink);
  log.format = LOG_JSON;
  for (int i = 0; i < 30; i++) {
    log_tunnel_end(&log, &kHidden);
  }
  log_sink_free(log.sink);
  read_back(fd, text);
  cr_expect_eq(count(text, "hidden step"), kLogRepeatsFree + 1);
  cr_expect_eq(count(text,
                     " up=240 down=480 ms=3 ... 240 more like this in 1 "
                     "s\n"),
               1, "%s", text);
  cr_expect_eq(count(text,
                     "\"bytes_up\":10,\"bytes_down\":20,\"duration_ms\":"
                     "3,\"repeats\":10,\"seconds\":1}\n"),
               1, "%s", text);
  cr_expect_null(strstr(text, "secret"));
  cr_expect(leaks_none());
}

static void *log_much(void *log) {
  for (int i = 0; i < 1000; i++) {
    log_notice(log, "a notice");
  }
  return NULL;
}

Test(log_sink, counts_all_that_several_threads_log) {
  struct log log = {.level = LOG_NORMAL, .sink = log_sink_new()};
  char text[kOutputSize];
  pthread_t threads[4];
  int fd = file_new();
  redirect(fd);
  for (size_t i = 0; i < 4; i++) {
    pthread_create(&threads[i], NULL, log_much, &log);
  }
  for (size_t i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  log_sink_free(log.sink);
  read_back(fd, text);
  cr_expect_eq(count(text, "a notice\n"), kLogRepeatsFree);
  cr_expect_eq(count(text, "a notice ... 3980 more like this in "), 1, "%s",
               text);
}

Test(log_sink, sums_up_though_nothing_more_is_logged, .timeout = 40) {
  struct log log = {.level = LOG_NORMAL, .sink = log_sink_new()};
  char text[kOutputSize] = "";
  int fd = file_new();
  redirect(fd);
  struct worker *worker = worker_new();
  struct log_ticker *ticker = log_ticker_open(worker, log.sink);
  for (int i = 0; i < 30; i++) {
    log_notice(&log, "a notice");
  }
  while (strstr(text, "... 10 more like this in 10 s\n") == NULL) {
    uv_run(worker_loop(worker), UV_RUN_ONCE);
    read_back(fd, text);
  }
  log_ticker_close(ticker);
  cr_expect_eq(worker_free(worker), 0);
  log_sink_free(log.sink);
  cr_expect(leaks_none());
}
