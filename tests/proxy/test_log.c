#include "proxy/log.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/leaks.h"

enum { kOutputSize = 8192 };

// What stands on standard error, from capture to captured.
static FILE *capture_file;
static int saved_stderr;

static void capture(void) {
  capture_file = tmpfile();
  cr_assert_not_null(capture_file);
  saved_stderr = dup(STDERR_FILENO);
  dup2(fileno(capture_file), STDERR_FILENO);
}

static void captured(char out[kOutputSize]) {
  dup2(saved_stderr, STDERR_FILENO);
  close(saved_stderr);
  rewind(capture_file);
  out[fread(out, 1, kOutputSize - 1, capture_file)] = '\0';
  fclose(capture_file);
}

static const struct log_tunnel kTunnel = {.host = "secret.test",
                                          .port = 443,
                                          .verdict = "refused",
                                          .step = "dial-origin",
                                          .cause = "it \"broke\"\n\xff twice",
                                          .seen = "secret.test",
                                          .bytes_up = 12,
                                          .bytes_down = 34,
                                          .duration_ms = 56};

static size_t count_lines(const char *text) {
  size_t num = 0;
  for (; *text != '\0'; text++) {
    num += *text == '\n';
  }
  return num;
}

Test(log, levels_decide_what_is_written) {
  static const size_t kLines[] = {
      [LOG_ERRORS] = 1, [LOG_NORMAL] = 3, [LOG_VERBOSE] = 3};
  for (int level = LOG_ERRORS; level <= LOG_VERBOSE; level++) {
    const struct log log = {.format = LOG_TEXT, .level = (enum log_level)level};
    char text[kOutputSize];
    capture();
    log_error(&log, "an %s", "error");
    log_notice(&log, "a notice");
    log_tunnel_end(&log, &kTunnel);
    captured(text);
    cr_expect_eq(count_lines(text), kLines[level], "%s", text);
    cr_expect(strstr(text, "Z error: an error\n") != NULL, "%s", text);
  }
  cr_expect(leaks_none());
}

Test(log, names_no_host_unless_asked) {
  for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
    const struct log quiet = {.format = (enum log_format)format,
                              .level = LOG_NORMAL};
    const struct log verbose = {.format = (enum log_format)format,
                                .level = LOG_VERBOSE};
    char text[kOutputSize];
    capture();
    log_tunnel_end(&quiet, &kTunnel);
    captured(text);
    cr_expect(strstr(text, "dial-origin") != NULL, "%s", text);
    cr_expect(strstr(text, "secret") == NULL, "%s", text);
    capture();
    log_tunnel_end(&verbose, &kTunnel);
    captured(text);
    cr_expect(strstr(text, "secret.test") != NULL, "%s", text);
  }
}

Test(log, names_no_host_in_a_cause_unless_asked) {
  static const struct {
    const char *host;
    const char *seen;
    const char *cause;
    const char *logged;
  } kCases[] = {
      {"secret.test", "cdn.test",
       "for CDN.test, www.Secret.Test.: no; cdn.test",
       "cause: for the public name, www.the site.: no; the public name\n"},
      {"a", NULL, "a cause of all; not b-a or aa",
       "cause: the site cause of "
       "all; not b-a or aa\n"},
      {"", "", "nothing", "cause: nothing\n"},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct log_tunnel tunnel = {.host = kCases[i].host,
                                .seen = kCases[i].seen,
                                .verdict = "refused",
                                .cause = kCases[i].cause};
    const struct log quiet = {.level = LOG_NORMAL};
    const struct log verbose = {.level = LOG_VERBOSE};
    char text[kOutputSize];
    capture();
    log_tunnel_end(&quiet, &tunnel);
    captured(text);
    cr_expect_not_null(strstr(text, kCases[i].logged), "%s", text);
    capture();
    log_tunnel_end(&verbose, &tunnel);
    captured(text);
    cr_expect_not_null(strstr(text, kCases[i].cause), "%s", text);
  }
}

Test(log, cuts_a_cause_that_grows) {
  static char cause[512];
  for (size_t i = 0; i + 6 < sizeof(cause); i += 6) {
    memcpy(cause + i, "a.bcd ", 6);
  }
  const struct log log = {.level = LOG_NORMAL};
  char text[kOutputSize];
  capture();
  log_tunnel_end(&log, &(struct log_tunnel){.host = "a.bcd", .cause = cause});
  captured(text);
  cr_expect_null(strstr(text, "bcd"), "%s", text);
  cr_expect_eq(count_lines(text), 1);
  cr_expect(leaks_none());
}

Test(log, writes_one_line_of_text_whatever_is_in_it) {
  const struct log log = {.format = LOG_TEXT, .level = LOG_VERBOSE};
  char text[kOutputSize];
  capture();
  log_notice(&log, "%s", "a\r\nb\x1b[2J");
  log_tunnel_end(&log, &kTunnel);
  captured(text);
  cr_expect_eq(count_lines(text), 2, "%s", text);
  cr_expect(strchr(text, '\x1b') == NULL);
  cr_expect(strchr(text, '\r') == NULL);
}

Test(log, cuts_a_line_that_is_too_long) {
  for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
    const struct log log = {.format = (enum log_format)format,
                            .level = LOG_NORMAL};
    static char long_text[5000];
    memset(long_text, 'x', sizeof(long_text) - 1);
    char text[kOutputSize];
    capture();
    log_notice(&log, "%s", long_text);
    captured(text);
    cr_expect_eq(count_lines(text), 1);
    cr_expect_lt(strlen(text), 2100);
  }
}

Test(log, json_parses_back) {
  const struct log log = {.format = LOG_JSON, .level = LOG_VERBOSE};
  char text[kOutputSize];
  capture();
  log_tunnel_end(&log, &kTunnel);
  captured(text);
  cr_assert_eq(count_lines(text), 1);
  json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
  cr_assert_not_null(object, "%s", text);
  const char *time;
  const char *level;
  const char *verdict;
  const char *host;
  const char *cause;
  int port;
  int up;
  int down;
  int ms;
  cr_assert_eq(
      json_unpack(object, "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:i}",
                  "time", &time, "level", &level, "verdict", &verdict, "host",
                  &host, "cause", &cause, "port", &port, "bytes_up", &up,
                  "bytes_down", &down, "duration_ms", &ms),
      0, "%s", text);
  cr_expect_eq(strlen(time), strlen("2026-01-02T03:04:05.678Z"));
  cr_expect_str_eq(level, "info");
  cr_expect_str_eq(verdict, "refused");
  cr_expect_str_eq(host, "secret.test");
  cr_expect_str_eq(cause, "it \"broke\"\n? twice");
  cr_expect(port == 443 && up == 12 && down == 34 && ms == 56);
  json_decref(object);
  cr_expect(leaks_none());
}
