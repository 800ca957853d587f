#include "proxy/event_reader.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

// What came, as one text.
struct heard {
  char text[512];
};

static void on_event(void *owner, const char *name, const char *data,
                     size_t data_len) {
  struct heard *heard = owner;
  cr_expect_eq(strlen(data), data_len);
  strcat(heard->text, name);
  strcat(heard->text, "=");
  strcat(heard->text, data);
  strcat(heard->text, ";");
}

static const char kStream[] =
    "event: status\ndata: {\"a\":1}\n\n"
    ": a heartbeat\n\n"
    "event: visit\r\ndata:one\r\ndata: two\r\nid: 7\r\n\r\n"
    "data: x\n\n"
    "event: left open\ndata: y\n";
static const char kHeard[] = "status={\"a\":1};visit=one\ntwo;=x;";

Test(event_reader, takes_events_apart_however_they_come) {
  for (size_t step = 1; step <= sizeof(kStream); step++) {
    struct event_reader reader = {.name = ""};
    struct heard heard = {""};
    for (size_t at = 0; at < sizeof(kStream) - 1; at += step) {
      size_t left = sizeof(kStream) - 1 - at;
      cr_assert(event_reader_feed(&reader, (const uint8_t *)kStream + at,
                                  left < step ? left : step, on_event, &heard));
    }
    cr_assert_str_eq(heard.text, kHeard, "%zu: %s", step, heard.text);
    event_reader_cleanup(&reader);
  }
}

static bool feed(struct event_reader *reader, const char *text, size_t len) {
  struct heard heard = {""};
  return event_reader_feed(reader, (const uint8_t *)text, len, on_event,
                           &heard);
}

Test(event_reader, keeps_no_more_than_it_may) {
  enum { kMuch = kEventDataMax / 2 };
  struct event_reader reader = {.name = ""};
  char *much = xcalloc(kMuch, 1);
  memset(much, 'x', kMuch);
  cr_expect(feed(&reader, "data: ", 6));
  cr_expect(feed(&reader, much, kMuch));
  cr_expect(!feed(&reader, much, kMuch), "a line");
  event_reader_cleanup(&reader);
  for (int i = 0; i < 2; i++) {
    bool ok = feed(&reader, "data: ", 6) && feed(&reader, much, kMuch) &&
              feed(&reader, "\n", 1);
    cr_expect_eq(ok, i == 0, "an event of many lines");
  }
  event_reader_cleanup(&reader);
  free(much);
}
