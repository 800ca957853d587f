// What a proxy tells of itself, read for a terminal and drawn on it.

#include "proxy/status_view.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/status_rows.h"
#include "proxy/status_screen.h"
#include "proxy/status_text.h"
#include "support/leaks.h"

static const char kStatus[] =
    "{\"version\":\"1.2.3\",\"pid\":77,\"uptime_s\":7500,\"mode\":\"strict\","
    "\"resolver\":{\"servers\":[\"https://one.example/q\",\"tls://two\"],"
    "\"state\":\"failing\",\"encrypted\":true,\"last_error\":\"no answer\"},"
    "\"totals\":{\"open\":3,\"hidden\":10,\"passed\":4,\"refused\":1,"
    "\"abandoned\":1,\"upgraded\":0,\"bytes_up\":1500,\"bytes_down\":33000000},"
    "\"leaves\":{\"accepted\":0,\"rejected\":2},"
    "\"latency\":{\"lookup\":{\"count\":9,\"p50_ms\":1.5,\"p90_ms\":3,"
    "\"p99_ms\":9},\"handshake\":{\"count\":0,\"p50_ms\":null}},"
    "\"advice\":[{\"kind\":\"untrusted_ca\",\"text\":\"Browsers do not trust "
    "it.\",\"fix\":\"echproxy trust\"},{\"text\":\"An app.\",\"fix\":null}]}";

static const char kVisits[] =
    "{\"visits\":[{\"id\":2,\"started\":\"2026-11-28T09:00:01.500Z\","
    "\"verdict\":\"refused\",\"site\":\"two.example\",\"port\":8443,"
    "\"cause\":\"it \\u001b[2J broke\",\"observer\":null},"
    "{\"id\":1,\"started\":\"2026-11-28T09:00:00.000Z\",\"done\":true,"
    "\"duration_ms\":1500,\"verdict\":\"hidden\",\"site\":\"one.example\","
    "\"port\":443,\"cause\":\"connection reset\","
    "\"observer\":{\"name\":\"cdn.example\"},\"bytes_up\":1000,"
    "\"bytes_down\":200},{\"nonsense\":1},7]}";

static struct status_view read_status(void) {
  struct status_view view;
  cr_assert(status_view_read(&view, kStatus));
  return view;
}

static void use_utc(void) { setenv("TZ", "UTC", 1); }

Test(status_view, reads_what_the_proxy_says) {
  struct status_view v = read_status();
  cr_expect_str_eq(v.version, "1.2.3");
  cr_expect_eq(v.pid, 77);
  cr_expect_str_eq(v.resolver, "https://one.example/q, tls://two");
  cr_expect(v.resolver_encrypted);
  cr_expect_eq(v.hidden, 10);
  cr_expect_eq(v.bytes_down, 33000000);
  cr_expect_eq(v.lookup.p50_ms, 1.5);
  cr_expect_eq(v.handshake.count, 0);
  cr_expect_eq(v.num_advice, 2);
  cr_expect_str_eq(v.advice[0].fix, "echproxy trust");
  cr_expect_str_empty(v.advice[1].fix);
  cr_expect_eq(status_view_share(&v, v.hidden), 63);
  cr_expect(leaks_none());
}

Test(status_view, is_none_of_something_else) {
  static const char *const kWrong[] = {
      "", "{}", "[]", "{\"version\":7}", "{\"version\":\"1\"", "null"};
  struct status_view v;
  struct status_row row;
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect(!status_view_read(&v, kWrong[i]), "%s", kWrong[i]);
    cr_expect(!status_row_read(&row, kWrong[i]), "%s", kWrong[i]);
    cr_expect_eq(status_rows_read(&row, 1, kWrong[i]), 0);
  }
  cr_expect(status_view_read(&v,
                             "{\"version\":\"1\",\"pid\":-5,"
                             "\"totals\":{\"hidden\":-1}}"));
  cr_expect_eq(v.hidden, 0);
  cr_expect_eq(status_view_share(&v, 0), 0);
}

Test(status_view, keeps_no_more_than_it_has_room_for) {
  char json[8192] = "{\"version\":\"1\",\"resolver\":{\"servers\":[\"x\"";
  for (int i = 0; i < 20; i++) {
    strcat(json, ",\"https://a-rather-long-name.example/dns-query\"");
  }
  strcat(json, "]},\"advice\":[{\"text\":\"0\"}");
  for (int i = 0; i < 20; i++) {
    strcat(json, ",{\"text\":\"more\"}");
  }
  strcat(json, "]}");
  struct status_view v;
  cr_assert(status_view_read(&v, json));
  cr_expect_eq(v.num_advice, kStatusMaxAdvice);
  cr_expect_lt(strlen(v.resolver), sizeof(v.resolver));
}

Test(status_view, reads_connections, .init = use_utc) {
  struct status_row rows[4];
  cr_assert_eq(status_rows_read(rows, 4, kVisits), 2);
  cr_expect_str_eq(rows[0].site, "two.example:8443");
  cr_expect_str_eq(rows[0].cause, "it ?[2J broke");
  cr_expect_str_eq(rows[0].time, "09:00:01");
  cr_expect_str_empty(rows[0].seen);
  cr_expect_str_eq(rows[1].site, "one.example");
  cr_expect_str_eq(rows[1].seen, "cdn.example");
  cr_expect(rows[1].done && rows[1].duration_ms == 1500);
  cr_expect_eq(status_rows_read(rows, 1, kVisits), 1);
}

static char *print(bool colour) {
  struct status_view view = read_status();
  struct status_row rows[4];
  struct address address;
  char *text;
  size_t len;
  FILE *out = open_memstream(&text, &len);
  cr_assert(address_from_host_port(&address, "127.0.0.1:8450"));
  size_t num = status_rows_read(rows, 4, kVisits);
  status_text_print(out, &address, &view, rows, num, colour);
  fclose(out);
  return text;
}

Test(status_text, tells_all_of_it, .init = use_utc) {
  static const char *const kParts[] = {
      "echproxy 1.2.3 runs on 127.0.0.1:8450 for 2 h 5 min, as process 77\n",
      "strict: sites without ECH are refused\n",
      "does not answer, encrypted: https://one.example/q, tls://two\n",
      "no answer\n",
      "accepted 0, rejected 2\n",
      "hidden                   10   63 %\n",
      "abandoned                 1    6 %\n",
      "open now                  3\n",
      "1.5 kB to sites, 33 MB from them\n",
      "lookups           half in 1.5 ms, 90 % in 3.0 ms, 99 % in 9.0 ms\n",
      "09:00:01  refused    two.example:8443: it ?[2J broke\n",
      "09:00:00  hidden     one.example, seen as cdn.example\n",
      "  Browsers do not trust it.\n    echproxy trust\n  An app.\n",
  };
  char *text = print(false);
  for (size_t i = 0; i < sizeof(kParts) / sizeof(kParts[0]); i++) {
    cr_expect(strstr(text, kParts[i]), "no '%s' in: %s", kParts[i], text);
  }
  cr_expect_null(strstr(text, "handshakes"), "of none there are no times");
  cr_expect_null(strchr(text, '\x1b'));
  free(text);
  text = print(true);
  cr_expect(strstr(text, "\x1b[32mhidden   \x1b[0m  one.example"), "%s", text);
  free(text);
}

// As with SSH: how it ended is not what was seen.
Test(status_text, says_that_no_name_was_seen) {
  struct status_row row;
  cr_assert(status_row_read(
      &row,
      "{\"id\":1,\"verdict\":\"passed\",\"site\":\"a.example\",\"port\":22,"
      "\"cause\":\"ended with: connection reset by peer\","
      "\"observer\":{\"address\":\"192.0.2.1:22\",\"name\":null}}"));
  cr_expect_str_eq(status_text_seen(&row), "no name");
}

Test(status_rows, keep_the_newest_in_their_order) {
  struct status_rows *rows = xcalloc(1, sizeof(*rows));
  for (uint64_t id = 1; id <= kStatusRowsMax + 6; id++) {
    // Every other one comes late.
    struct status_row row = {.id = id % 2 == 0 ? id - 1 : id + 1};
    status_rows_put(rows, &row);
  }
  struct status_row again = {.id = 100, .done = true};
  status_rows_put(rows, &again);
  cr_expect_eq(rows->num, kStatusRowsMax);
  for (size_t i = 1; i < rows->num; i++) {
    cr_assert_eq(rows->items[i - 1].id, rows->items[i].id + 1, "%zu", i);
  }
  size_t num_done = 0;
  for (size_t i = 0; i < rows->num; i++) {
    num_done += rows->items[i].done;
    cr_expect(!rows->items[i].done || rows->items[i].id == 100);
  }
  cr_expect_eq(num_done, 1);
  struct status_row too_old = {.id = 1};
  status_rows_put(rows, &too_old);
  cr_expect_neq(rows->items[rows->num - 1].id, 1);
  free(rows);
}

// Draws at a size and returns the lines without what is no text.
static size_t draw(char lines[64][256], unsigned columns, unsigned height) {
  struct status_view view = read_status();
  struct status_rows *rows = xcalloc(1, sizeof(*rows));
  struct address address;
  struct bytes out = {0};
  cr_assert(address_from_host_port(&address, "127.0.0.1:8450"));
  rows->num = status_rows_read(rows->items, 4, kVisits);
  status_screen_draw(&out, &(struct status_screen){.address = &address,
                                                   .view = &view,
                                                   .rows = rows,
                                                   .silent_s = 30,
                                                   .columns = columns,
                                                   .lines = height,
                                                   .colour = true});
  size_t num = 0;
  size_t len = 0;
  for (size_t i = 0; i < out.len; i++) {
    if (out.data[i] == '\x1b') {
      while (i < out.len && strchr("HKJm", out.data[i]) == NULL) {
        i++;
      }
    } else if (out.data[i] == '\n') {
      lines[num++][len] = '\0';
      len = 0;
    } else if (out.data[i] != '\r') {
      lines[num][len++] = (char)out.data[i];
    }
  }
  lines[num++][len] = '\0';
  free(out.data);
  free(rows);
  return num;
}

static bool has_line(char lines[64][256], size_t num, const char *text) {
  for (size_t i = 0; i < num; i++) {
    if (strstr(lines[i], text) != NULL) {
      return true;
    }
  }
  return false;
}

Test(status_screen, shows_all_of_it_at_the_usual_size, .init = use_utc) {
  static const char *const kParts[] = {
      "echproxy 1.2.3 on 127.0.0.1:8450, strict, for 2 h 5 min",
      "silent for 30 s",
      "resolver failing, encrypted: no answer",
      "hidden 10 (63 %)  passed 4 (25 %)  refused 1 (6 %)  open 3",
      "[########################################----------------!!!!]",
      "lookups half in 1.5 ms, 99 % in 9.0 ms",
      "echproxy trust: Browsers do not trust it.",
      "TIME     WHAT      SITE",
      "09:00:01 refused   two.example:8443",
      "it ?[2J broke",
      "09:00:00 hidden    one.example",
      "cdn.example",
      "1.2 kB 1.5 s",
  };
  char lines[64][256];
  size_t num = draw(lines, 80, 24);
  for (size_t i = 0; i < sizeof(kParts) / sizeof(kParts[0]); i++) {
    cr_expect(has_line(lines, num, kParts[i]), "%s", kParts[i]);
  }
}

// Whatever the size, nothing is wider or higher: it would scroll.
Test(status_screen, fits_every_size, .init = use_utc) {
  char lines[64][256];
  for (unsigned columns = 1; columns <= 200; columns += 7) {
    for (unsigned height = 1; height <= 30; height++) {
      size_t num = draw(lines, columns, height);
      cr_assert_leq(num, height, "%u by %u", columns, height);
      for (size_t i = 0; i < num; i++) {
        cr_assert_leq(strlen(lines[i]), columns, "%u by %u: %s", columns,
                      height, lines[i]);
      }
    }
  }
  size_t num = draw(lines, 30, 24);
  cr_expect(has_line(lines, num, "refused   two.example:8443"));
  cr_expect(!has_line(lines, num, "TIME"));
}
