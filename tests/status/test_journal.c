#include "status/journal.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"

// What journal_each showed.
struct seen {
  struct visit_row rows[8];
  size_t num;
};

static void see(void *owner, const struct visit_row *row) {
  struct seen *seen = owner;
  cr_assert_lt(seen->num, 8);
  seen->rows[seen->num++] = *row;
}

static struct seen look(struct journal *journal, uint64_t *version) {
  struct seen seen = {.num = 0};
  *version = journal_each(journal, *version, see, &seen);
  return seen;
}

Test(journal, shows_a_visit_from_its_begin_to_its_end) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "secret.example", 8443);
  uint64_t version = 0;
  struct seen seen = look(journal, &version);
  cr_assert_eq(seen.num, 1);
  cr_assert_eq(seen.rows[0].id, 1);
  cr_assert_str_eq(seen.rows[0].host, "secret.example");
  cr_assert_eq(seen.rows[0].port, 8443);
  cr_assert_eq(seen.rows[0].verdict, VISIT_OPEN);
  cr_assert_not(seen.rows[0].done);
  cr_assert_gt(seen.rows[0].started_ms, 1700000000000);
  cr_assert_str_eq(seen.rows[0].step, "");
  cr_assert_str_eq(seen.rows[0].address, "");
  cr_assert_str_eq(seen.rows[0].cipher, "");

  visit_decide(visit, VISIT_HIDDEN);
  visit_end(visit);
  seen = look(journal, &version);
  cr_assert_eq(seen.num, 1);
  cr_assert_eq(seen.rows[0].verdict, VISIT_HIDDEN);
  cr_assert(seen.rows[0].done);
  cr_assert_eq(version, journal_version(journal));
  cr_assert_eq(look(journal, &version).num, 0);
  journal_free(journal);
  cr_assert(leaks_none());
}

Test(journal, takes_one_that_ends_undecided_for_abandoned) {
  struct journal *journal = journal_new(4);
  visit_end(visit_begin(journal, "a.example", 443));
  struct visit_row row;
  cr_assert(journal_find(journal, 1, &row, NULL));
  cr_assert_eq(row.verdict, VISIT_ABANDONED);
  journal_free(journal);
}

Test(journal, adds_what_is_noted_to_what_is_known) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "a.example", 443);
  const uint8_t hello[] = {1, 0, 0, 1, 9};
  const uint8_t inner[] = {1, 0, 0, 0};
  visit_note(visit, &(struct visit_facts){.step = "dial-origin",
                                          .address = "192.0.2.1:443",
                                          .name = "cdn.example",
                                          .version = "TLSv1.3",
                                          .group = "X25519",
                                          .cipher = "TLS_AES_128_GCM_SHA256",
                                          .alpn = "h2",
                                          .retried = true,
                                          .hello = hello,
                                          .hello_len = sizeof hello,
                                          .inner_hello = inner,
                                          .inner_hello_len = sizeof inner});
  visit_note(visit, &(struct visit_facts){
                        .step = "relay", .cause = "why", .resumed = true});
  visit_set_host(visit, "b.example");
  visit_end(visit);

  struct visit_row row;
  struct visit_hellos hellos;
  cr_assert(journal_find(journal, 1, &row, &hellos));
  cr_assert_str_eq(row.host, "b.example");
  cr_assert_str_eq(row.step, "relay");
  cr_assert_str_eq(row.address, "192.0.2.1:443");
  cr_assert_str_eq(row.name, "cdn.example");
  cr_assert_str_eq(row.cause, "why");
  cr_assert_str_eq(row.tls_version, "TLSv1.3");
  cr_assert_str_eq(row.group, "X25519");
  cr_assert_str_eq(row.cipher, "TLS_AES_128_GCM_SHA256");
  cr_assert_str_eq(row.alpn, "h2");
  cr_assert(row.resumed);
  cr_assert(row.retried);
  cr_assert_eq(row.hello_len, sizeof hello);
  cr_assert_eq(hellos.outer_len, sizeof hello);
  cr_assert_arr_eq(hellos.outer, hello, sizeof hello);
  cr_assert_eq(hellos.inner_len, sizeof inner);
  cr_assert_arr_eq(hellos.inner, inner, sizeof inner);
  visit_hellos_cleanup(&hellos);
  cr_assert_not(journal_find(journal, 2, &row, &hellos));
  journal_free(journal);
  cr_assert(leaks_none());
}

Test(journal, keeps_of_a_long_hello_and_a_long_text_what_fits) {
  struct journal *journal = journal_new(4);
  static uint8_t hello[kVisitHelloMax + 100];
  static char cause[2000];
  memset(cause, 'x', sizeof cause - 1);
  struct visit *visit = visit_begin(journal, "a.example", 443);
  visit_note(visit,
             &(struct visit_facts){
                 .cause = cause, .hello = hello, .hello_len = sizeof hello});
  struct visit_row row;
  struct visit_hellos hellos;
  cr_assert(journal_find(journal, 1, &row, &hellos));
  cr_assert_eq(row.hello_len, sizeof hello);
  cr_assert_eq(hellos.outer_len, kVisitHelloMax);
  cr_assert_null(hellos.inner);
  cr_assert_eq(strlen(row.cause), sizeof row.cause - 1);
  visit_hellos_cleanup(&hellos);
  visit_end(visit);
  journal_free(journal);
  cr_assert(leaks_none());
}

Test(journal, shows_octets_without_being_told_of_a_change) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "a.example", 443);
  struct visit *quiet = visit_begin(journal, "b.example", 443);
  uint64_t version = 0;
  uint64_t other = 0;
  look(journal, &version);
  look(journal, &other);
  uint64_t before = journal_version(journal);
  visit_count(visit, 10, 0);
  visit_count(visit, 1, 200);
  cr_assert_eq(journal_version(journal), before);

  struct seen seen = look(journal, &version);
  cr_assert_eq(seen.num, 1);
  cr_assert_eq(seen.rows[0].bytes_up, 11);
  cr_assert_eq(seen.rows[0].bytes_down, 200);
  cr_assert_eq(look(journal, &version).num, 0);
  cr_assert_eq(look(journal, &other).num, 1, "a second one to look sees it");
  visit_end(visit);
  visit_end(quiet);
  journal_free(journal);
}

// Else two who look would wake each other for ever while anything is relayed.
Test(journal, wakes_nobody_since_another_came_upon_octets) {
  struct journal *journal = journal_new(4);
  struct visit *visit = visit_begin(journal, "a.example", 443);
  uint64_t version = 0, other = 0;
  look(journal, &version);
  look(journal, &other);
  visit_count(visit, 1, 1);
  cr_assert_eq(look(journal, &version).num, 1);
  cr_assert_leq(journal_version(journal), other);
  visit_note(visit, &(struct visit_facts){.step = "relay"});
  cr_assert_gt(journal_version(journal), version);
  visit_end(visit);
  journal_free(journal);
}

Test(journal, shows_the_oldest_first_and_lets_them_make_room) {
  struct journal *journal = journal_new(2);
  for (int i = 0; i < 5; i++) {
    char host[32];
    snprintf(host, sizeof host, "host%d.example", i);
    visit_end(visit_begin(journal, host, 443));
  }
  uint64_t version = 0;
  struct seen seen = look(journal, &version);
  cr_assert_eq(seen.num, 2);
  cr_assert_str_eq(seen.rows[0].host, "host3.example");
  cr_assert_str_eq(seen.rows[1].host, "host4.example");
  cr_assert_eq(seen.rows[1].id, 5);
  struct visit_row row;
  cr_assert_not(journal_find(journal, 3, &row, NULL));
  journal_free(journal);
  cr_assert(leaks_none());
}

// It lives on for its owner, who can read it, but is not shown any more.
Test(journal, lets_one_that_is_under_way_make_room_too) {
  struct journal *journal = journal_new(1);
  const uint8_t hello[] = {1, 0, 0, 0};
  const struct visit_facts facts = {
      .name = "a.example", .hello = hello, .hello_len = sizeof hello};
  struct visit *old = visit_begin(journal, "a.example", 443);
  visit_note(old, &facts);
  struct visit *new = visit_begin(journal, "b.example", 443);
  uint64_t version = 0;
  struct seen seen = look(journal, &version);
  cr_assert_eq(seen.num, 1);
  cr_assert_str_eq(seen.rows[0].host, "b.example");

  struct visit_row row;
  visit_note(old, &facts);
  visit_count(old, 1, 2);
  visit_read(old, &row);
  cr_assert_str_eq(row.name, "a.example");
  cr_assert_eq(row.bytes_down, 2);
  cr_assert_eq(row.hello_len, 0, "its hello takes no memory");
  cr_assert_eq(look(journal, &version).num, 0);
  visit_end(old);
  visit_end(new);
  journal_free(journal);
  cr_assert(leaks_none());
}

Test(journal, names_verdicts) {
  cr_assert_str_eq(visit_verdict_json(VISIT_PASSED), "passed");
  cr_assert_str_eq(visit_verdict_text(VISIT_PASSED), "passed through");
  cr_assert_str_eq(visit_verdict_json(VISIT_UPGRADED), "upgraded");
}

// Many threads at once: for the sanitizers, and for what they add up to.
enum { kThreads = 4, kVisitsEach = 500 };

struct crowd {
  struct journal *journal;
  atomic_int num_done;
};

static void *visit_much(void *arg) {
  struct crowd *crowd = arg;
  const uint8_t hello[] = {1, 0, 0, 0};
  for (int i = 0; i < kVisitsEach; i++) {
    struct visit *visit = visit_begin(crowd->journal, "a.example", 443);
    visit_note(visit, &(struct visit_facts){.step = "relay",
                                            .address = "192.0.2.1:443",
                                            .hello = hello,
                                            .hello_len = sizeof hello});
    visit_count(visit, 1, 1);
    visit_decide(visit, VISIT_HIDDEN);
    visit_end(visit);
  }
  crowd->num_done++;
  return NULL;
}

static void check_order(void *owner, const struct visit_row *row) {
  uint64_t *last = owner;
  cr_assert_gt(row->id, *last);
  *last = row->id;
}

Test(journal, is_for_many_threads) {
  struct crowd crowd = {.journal = journal_new(16)};
  pthread_t threads[kThreads];
  for (int i = 0; i < kThreads; i++) {
    pthread_create(&threads[i], NULL, visit_much, &crowd);
  }
  uint64_t version = 0;
  while (crowd.num_done < kThreads) {
    uint64_t last = 0;
    version = journal_each(crowd.journal, version, check_order, &last);
    struct visit_row row;
    struct visit_hellos hellos;
    if (journal_find(crowd.journal, last, &row, &hellos)) {
      visit_hellos_cleanup(&hellos);
    }
  }
  for (int i = 0; i < kThreads; i++) {
    pthread_join(threads[i], NULL);
  }
  struct visit_row row;
  cr_assert(journal_find(crowd.journal, kThreads * kVisitsEach, &row, NULL));
  cr_assert_eq(row.bytes_up, 1);
  journal_free(crowd.journal);
  cr_assert(leaks_none());
}
