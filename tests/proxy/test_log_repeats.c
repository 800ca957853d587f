#include "proxy/log_repeats.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"

// The sums that an interval ended with.
static struct {
  size_t num;
  char message[64];  // of the last one, as the next ones
  char cause[64];
  char host[64];
  struct log_line line;
} sums;

static void on_sum(void *owner, const struct log_line *line) {
  cr_expect_eq(owner, &sums);
  sums.num++;
  sums.line = *line;
  snprintf(sums.message, sizeof(sums.message), "%s",
           line->message != NULL ? line->message : "");
  snprintf(sums.cause, sizeof(sums.cause), "%s",
           line->tunnel.cause != NULL ? line->tunnel.cause : "");
  snprintf(sums.host, sizeof(sums.host), "%s",
           line->tunnel.host != NULL ? line->tunnel.host : "");
}

static void end(struct log_repeats *r) {
  memset(&sums, 0, sizeof(sums));
  log_repeats_end(r, 10, on_sum, &sums);
}

static size_t count_admitted(struct log_repeats *r, const struct log_line *line,
                             size_t num) {
  size_t admitted = 0;
  for (size_t i = 0; i < num; i++) {
    admitted += log_repeats_admit(r, line);
  }
  return admitted;
}

static struct log_line refused(const char *cause) {
  return (struct log_line){.severity = LOG_SEVERITY_WARNING,
                           .tunnel = {.verdict = "refused",
                                      .step = "find-ech",
                                      .cause = cause,
                                      .bytes_up = 2,
                                      .bytes_down = 3,
                                      .duration_ms = 5}};
}

Test(log_repeats, sums_up_what_it_held_back) {
  struct log_repeats *r = log_repeats_new();
  char cause[] = "no such name";
  struct log_line line = refused(cause);
  cr_expect(log_repeats_is_empty(r));
  cr_expect_eq(count_admitted(r, &line, 260), kLogRepeatsFree);
  cr_expect_not(log_repeats_is_empty(r));
  line.tunnel.duration_ms = 900;
  cr_expect_not(log_repeats_admit(r, &line));
  memset(cause, 'x', sizeof(cause) - 1);  // it was borrowed only
  end(r);
  cr_expect_eq(sums.num, 1);
  cr_expect_eq(sums.line.repeats, 241);
  cr_expect_eq(sums.line.seconds, 10);
  cr_expect_eq(sums.line.severity, LOG_SEVERITY_WARNING);
  cr_expect_str_eq(sums.cause, "no such name");
  cr_expect_null(sums.line.message);
  cr_expect_null(sums.line.tunnel.host);
  cr_expect_eq(sums.line.tunnel.bytes_up, 241 * 2);
  cr_expect_eq(sums.line.tunnel.bytes_down, 241 * 3);
  cr_expect_eq(sums.line.tunnel.duration_ms, 900);
  cr_expect(log_repeats_is_empty(r));
  cr_expect(log_repeats_admit(r, &line), "an interval begins anew");
  log_repeats_free(r);
  cr_expect(leaks_none());
}

Test(log_repeats, says_nothing_of_what_was_written) {
  struct log_repeats *r = log_repeats_new();
  struct log_line line = refused("a");
  cr_expect_eq(count_admitted(r, &line, kLogRepeatsFree), kLogRepeatsFree);
  end(r);
  cr_expect_eq(sums.num, 0);
  log_repeats_free(r);
}

Test(log_repeats, tells_kinds_apart) {
  struct log_repeats *r = log_repeats_new();
  struct log_line lines[] = {
      refused("a"),
      refused("b"),
      refused(NULL),
      refused(""),
      refused("a"),
      refused("a"),
      refused("a"),
      refused("a"),
      refused("a"),
      {.severity = LOG_SEVERITY_INFO, .message = "a"},
      {.severity = LOG_SEVERITY_ERROR, .message = "a"},
      {.severity = LOG_SEVERITY_ERROR, .message = "ab"},
  };
  lines[4].tunnel.verdict = "hidden";
  lines[5].tunnel.step = "relay";
  lines[6].tunnel.host = "a.test";
  lines[7].tunnel.host = "a.test";
  lines[7].tunnel.port = 8443;
  lines[8].tunnel.seen = "a.test";
  enum { kNum = sizeof(lines) / sizeof(lines[0]) };
  for (size_t i = 0; i < kNum; i++) {
    cr_expect_eq(count_admitted(r, &lines[i], kLogRepeatsFree + 1),
                 kLogRepeatsFree, "%zu", i);
  }
  end(r);
  cr_expect_eq(sums.num, kNum);
  cr_expect_str_eq(sums.message, "ab");
  log_repeats_free(r);
}

Test(log_repeats, holds_back_whatever_the_numbers) {
  struct log_repeats *r = log_repeats_new();
  struct log_line line = refused("a");
  for (size_t i = 0; i < kLogRepeatsFree; i++) {
    line.tunnel.bytes_up = i;
    line.tunnel.bytes_down = 7 * i;
    line.tunnel.duration_ms = 9 * i;
    cr_expect(log_repeats_admit(r, &line));
  }
  cr_expect_not(log_repeats_admit(r, &line));
  log_repeats_free(r);
}

Test(log_repeats, is_bounded_and_loses_no_error) {
  struct log_repeats *r = log_repeats_new();
  size_t admitted = 0;
  for (int i = 0; i < 10000; i++) {
    char host[32];
    snprintf(host, sizeof(host), "host%d.test", i);
    struct log_line line = refused("a");
    line.tunnel.host = host;
    admitted += log_repeats_admit(r, &line);
  }
  cr_expect_eq(admitted, kLogRepeatsMaxKinds + kLogRepeatsOthersFree);
  for (int i = 0; i < 1000; i++) {
    char text[32];
    snprintf(text, sizeof(text), "error %d", i);
    cr_expect(log_repeats_admit(
        r,
        &(struct log_line){.severity = LOG_SEVERITY_ERROR, .message = text}));
  }
  end(r);
  cr_expect_eq(sums.num, 1);
  cr_expect_eq(sums.line.repeats,
               10000 - kLogRepeatsMaxKinds - kLogRepeatsOthersFree);
  cr_expect_str_eq(sums.message, "lines of many kinds");
  log_repeats_free(r);
  cr_expect(leaks_none());
}

Test(log_repeats, never_holds_back_an_answer) {
  struct log_repeats *r = log_repeats_new();
  struct log_line line = {
      .severity = LOG_SEVERITY_INFO, .message = "status", .is_answer = true};
  cr_expect_eq(count_admitted(r, &line, 500), 500);
  end(r);
  cr_expect_eq(sums.num, 0);
  log_repeats_free(r);
}
