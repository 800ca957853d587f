#include "status/visit_json.h"

#include <criterion/criterion.h>

#include "status/parsed.h"
#include "support/hex_hello.h"

static json_t *row_of(const struct visit_row *row) {
  size_t len;
  char *text = visit_json_row(row, &len);
  return parsed_new(text, len);
}

Test(visit_json, gives_a_row) {
  const struct visit_row row = {
      .id = 12,
      .started_ms = 1764323000123,
      .duration_ms = 345,
      .done = true,
      .verdict = VISIT_HIDDEN,
      .step = "relay",
      .host = "secret.example",
      .port = 443,
      .address = "192.0.2.1:443",
      .name = "cdn.example",
      .alpn = "h2",
      .tls_version = "TLSv1.3",
      .group = "X25519",
      .cipher = "TLS_AES_128_GCM_SHA256",
      .resumed = true,
      .bytes_up = 5000000000,
      .bytes_down = 2,
      .hello_len = 517,
  };
  json_t *root = row_of(&row);
  parsed_expect_number(root, "id", 12);
  parsed_expect_text(root, "started", "2025-11-28T09:43:20.123Z");
  parsed_expect_number(root, "duration_ms", 345);
  cr_expect(json_is_true(parsed_at(root, "done")));
  parsed_expect_text(root, "verdict", "hidden");
  parsed_expect_text(root, "site", "secret.example");
  parsed_expect_number(root, "port", 443);
  parsed_expect_text(root, "step", "relay");
  parsed_expect_null(root, "cause");
  parsed_expect_text(root, "observer.address", "192.0.2.1:443");
  parsed_expect_text(root, "observer.name", "cdn.example");
  parsed_expect_number(root, "observer.hello_bytes", 517);
  parsed_expect_text(root, "tls", "TLSv1.3");
  parsed_expect_text(root, "group", "X25519");
  parsed_expect_text(root, "cipher", "TLS_AES_128_GCM_SHA256");
  parsed_expect_text(root, "alpn", "h2");
  cr_expect(json_is_true(parsed_at(root, "resumed")));
  cr_expect(json_is_false(parsed_at(root, "retried")));
  parsed_expect_number(root, "bytes_up", 5e9);
  parsed_expect_number(root, "bytes_down", 2);
  cr_expect_eq(json_object_size(root), 18);
  json_decref(root);
}

Test(visit_json, says_nothing_of_what_is_not_known) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "secret.example", 443);
  struct visit_row row;
  visit_read(visit, &row);
  json_t *root = row_of(&row);
  parsed_expect_text(root, "verdict", "open");
  cr_expect(json_is_false(parsed_at(root, "done")));
  for (size_t i = 0; i < 9; i++) {
    static const char *const kPaths[] = {
        "step",          "cause", "observer.address",
        "observer.name", "tls",   "group",
        "cipher",        "alpn",  "observer.hello_bytes"};
    parsed_expect_null(root, kPaths[i]);
  }
  json_decref(root);
  visit_end(visit);
  journal_free(journal);
}

static void expect_cause(const char *cause, const char *wanted) {
  struct visit_row row = {
      .step = "", .tls_version = "", .group = "", .cipher = ""};
  strcpy(row.cause, cause);
  json_t *root = row_of(&row);
  parsed_expect_text(root, "cause", wanted);
  json_decref(root);
}

// A cause may quote what a server said.
Test(visit_json, stays_json_whatever_is_in_a_text) {
  expect_cause("it said \"no\"", "it said \"no\"");
  expect_cause("a\\b", "a\\b");
  expect_cause("two\nlines", "two\nlines");
  expect_cause("del\x7f", "del\x7f");
  expect_cause("na\xc3\xafve", "na\xc3\xafve");
  expect_cause("it said \"\xc3(\x80\"\r\n\x01", "it said \"?(?\"\r\n\x01");
}

Test(visit_json, lists_the_newest_first) {
  struct journal *journal = journal_new(3);
  struct visit *visits[4];
  char *text;
  size_t len;
  text = visit_json_list(journal, &len);
  cr_expect_str_eq(text, "{\"visits\":[]}");
  free(text);
  for (size_t i = 0; i < 4; i++) {
    visits[i] = visit_begin(journal, "secret.example", (uint16_t)(443 + i));
  }
  text = visit_json_list(journal, &len);
  json_t *root = parsed_new(text, len);
  const json_t *list = parsed_at(root, "visits");
  cr_assert_eq(json_array_size(list), 3);
  parsed_expect_number(json_array_get(list, 0), "port", 446);
  parsed_expect_number(json_array_get(list, 2), "port", 444);
  json_decref(root);
  for (size_t i = 0; i < 4; i++) {
    visit_end(visits[i]);
  }
  journal_free(journal);
}

static json_t *detail_of(struct journal *journal, uint64_t id) {
  struct visit_row row;
  struct visit_hellos hellos;
  size_t len;
  cr_assert(journal_find(journal, id, &row, &hellos));
  char *text = visit_json_detail(&row, &hellos, &len);
  visit_hellos_cleanup(&hellos);
  return parsed_new(text, len);
}

Test(visit_json, shows_both_hellos) {
  uint8_t outer[kHexHelloSize], inner[kHexHelloSize];
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "secret.example", 443);
  struct visit_facts facts = {.hello = outer, .inner_hello = inner};
  facts.hello_len =
      hex_hello(outer, "0000 0010 000e 00 000b 63646e2e6578616d706c65");
  facts.inner_hello_len = hex_hello(inner, "fe0d 0001 01");
  visit_note(visit, &facts);
  json_t *root = detail_of(journal, 1);
  parsed_expect_text(root, "site", "secret.example");
  parsed_expect_number(root, "hello.outer.bytes", 67);
  const char *hex = json_string_value(parsed_at(root, "hello.outer.hex"));
  cr_expect_eq(strlen(hex), 134);
  cr_expect_eq(strncmp(hex, "0100003f0303", 12), 0);
  cr_expect_str_eq(hex + 134 - 22, "63646e2e6578616d706c65");
  const json_t *fields = parsed_at(root, "hello.outer.fields");
  cr_assert_eq(json_array_size(fields), 9);
  const json_t *random = json_array_get(fields, 3);
  parsed_expect_text(random, "name", "random");
  parsed_expect_null(random, "code");
  const json_t *name = json_array_get(fields, 8);
  parsed_expect_text(name, "name", "server_name");
  parsed_expect_number(name, "code", 0);
  parsed_expect_text(name, "value", "cdn.example");
  parsed_expect_number(name, "offset", 47);
  parsed_expect_number(name, "length", 20);
  fields = parsed_at(root, "hello.inner.fields");
  parsed_expect_text(json_array_get(fields, 8), "value", "inner");
  json_decref(root);
  visit_end(visit);
  journal_free(journal);
}

Test(visit_json, shows_no_hello_where_there_was_none) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "secret.example", 443);
  json_t *root = detail_of(journal, 1);
  parsed_expect_null(root, "hello.outer");
  parsed_expect_null(root, "hello.inner");
  json_decref(root);
  visit_end(visit);
  journal_free(journal);
}

Test(visit_json, gives_the_length_of_a_hello_that_was_not_kept_whole) {
  static uint8_t hello[2 * kVisitHelloMax];
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "secret.example", 443);
  struct visit_facts facts = {.hello = hello, .hello_len = sizeof(hello)};
  // One extension, of all that is left.
  size_t len = hex_hello(hello, "0015 0000");
  size_t rest = sizeof(hello) - len;
  hello[2] = (uint8_t)((sizeof(hello) - 4) >> 8);
  hello[3] = (uint8_t)(sizeof(hello) - 4);
  hello[len - 2] = (uint8_t)(rest >> 8);
  hello[len - 1] = (uint8_t)rest;
  hello[len - 6] = (uint8_t)((rest + 4) >> 8);
  hello[len - 5] = (uint8_t)(rest + 4);
  visit_note(visit, &facts);
  json_t *root = detail_of(journal, 1);
  parsed_expect_number(root, "observer.hello_bytes", sizeof(hello));
  parsed_expect_number(root, "hello.outer.bytes", sizeof(hello));
  cr_expect_eq(json_string_length(parsed_at(root, "hello.outer.hex")),
               2 * kVisitHelloMax);
  const json_t *fields = parsed_at(root, "hello.outer.fields");
  parsed_expect_text(json_array_get(fields, json_array_size(fields) - 1),
                     "name", "not kept");
  json_decref(root);
  visit_end(visit);
  journal_free(journal);
}
