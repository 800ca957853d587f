#include "status/advice.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "support/leaks.h"

static struct advice list[kAdviceMaxSites + 1];
static struct advice one;

static void reject(struct advice_book *book, const char *site, int times) {
  for (int i = 0; i < times; i++) {
    advice_book_rejected(book, &one, site);
  }
}

Test(advice, says_that_the_ca_is_not_trusted_until_a_leaf_is_accepted) {
  struct advice_book *book = advice_book_new();
  cr_assert_eq(advice_book_list(book, list), 0);
  cr_assert(advice_book_rejected(book, &one, "a.example"));
  cr_assert_eq(one.kind, ADVICE_UNTRUSTED_CA);
  reject(book, "a.example", 9);
  cr_assert_eq(advice_book_list(book, list), 1);
  cr_assert_eq(list[0].kind, ADVICE_UNTRUSTED_CA);
  cr_assert_str_eq(list[0].site, "");

  advice_book_accepted(book, "b.example");
  cr_assert_eq(advice_book_list(book, list), 0,
               "what came before the CA was trusted is no app's");
  advice_book_free(book);
  cr_assert(leaks_none());
}

Test(advice, tells_an_app_from_a_ca_that_is_not_trusted) {
  struct advice_book *book = advice_book_new();
  advice_book_accepted(book, "b.example");
  for (int i = 1; i < kAdvicePinnedRejections; i++) {
    cr_assert_not(advice_book_rejected(book, &one, "app.example"));
    advice_book_accepted(book, "b.example");
  }
  cr_assert(advice_book_rejected(book, &one, "app.example"));
  cr_assert_eq(one.kind, ADVICE_PINNED_APP);
  cr_assert_str_eq(one.site, "app.example");
  cr_assert_eq(advice_book_list(book, list), 1);
  cr_assert_eq(list[0].kind, ADVICE_PINNED_APP);

  advice_book_accepted(book, "app.example");
  cr_assert_eq(advice_book_list(book, list), 0, "it is none");
  advice_book_free(book);
}

Test(advice, takes_one_site_that_is_rejected_while_no_other_comes_for_neither) {
  struct advice_book *book = advice_book_new();
  advice_book_accepted(book, "b.example");
  reject(book, "app.example", 9);
  cr_assert_eq(advice_book_list(book, list), 0);
  advice_book_accepted(book, "b.example");
  cr_assert_eq(advice_book_list(book, list), 1);
  cr_assert_eq(list[0].kind, ADVICE_PINNED_APP);
  advice_book_free(book);
}

// As after echproxy untrust.
Test(advice, says_it_when_no_site_is_accepted_any_more) {
  struct advice_book *book = advice_book_new();
  advice_book_accepted(book, "a.example");
  reject(book, "a.example", 1);
  cr_assert(advice_book_rejected(book, &one, "b.example"));
  cr_assert_eq(one.kind, ADVICE_UNTRUSTED_CA);
  advice_book_free(book);
}

// The status page asks for it again and again, in a browser that does not trust
// the CA beside one that does.
Test(advice, takes_no_app_to_have_the_proxys_own_pages_pinned) {
  struct advice_book *book = advice_book_new();
  for (int i = 0; i < 2 * kAdvicePinnedRejections; i++) {
    advice_book_accepted(book, "a.example");
    cr_assert_not(advice_book_rejected(book, &one, ""));
  }
  cr_assert_eq(advice_book_list(book, list), 0);
  reject(book, "b.example", 1);
  cr_assert_eq(advice_book_list(book, list), 1, "it counts as one of several");
  cr_assert_eq(list[0].kind, ADVICE_UNTRUSTED_CA);
  advice_book_free(book);
}

Test(advice, remembers_so_many_sites_and_no_more) {
  struct advice_book *book = advice_book_new();
  advice_book_accepted(book, "a.example");
  for (int i = 0; i < 2 * kAdviceMaxSites; i++) {
    char site[32];
    snprintf(site, sizeof site, "app%d.example", i);
    reject(book, site, kAdvicePinnedRejections);
    advice_book_accepted(book, "a.example");
  }
  cr_assert_eq(advice_book_list(book, list), kAdviceMaxSites);
  cr_assert_str_eq(list[0].site, "app32.example");
  advice_book_free(book);
  cr_assert(leaks_none());
}

Test(advice, has_words_for_each_kind) {
  char text[kAdviceTextSize];
  one = (struct advice){.kind = ADVICE_PINNED_APP, .site = "app.example"};
  cr_assert_not_null(strstr(advice_text(text, &one), "app.example"));
  cr_assert_not_null(strstr(text, "mode = pass"));
  cr_assert_null(advice_fix(one.kind));
  cr_assert_str_eq(advice_kind_json(one.kind), "pinned_app");
  one = (struct advice){.kind = ADVICE_UNTRUSTED_CA};
  cr_assert_not_null(strstr(advice_text(text, &one), "echproxy trust"));
  cr_assert_str_eq(advice_fix(one.kind), "echproxy trust");
  cr_assert_str_eq(advice_kind_json(one.kind), "untrusted_ca");
}

static void *browse(void *arg) {
  struct advice_book *book = arg;
  struct advice advice[kAdviceMaxSites + 1];
  for (int i = 0; i < 1000; i++) {
    advice_book_accepted(book, "a.example");
    advice_book_rejected(book, &advice[0], "app.example");
    cr_assert_leq(advice_book_list(book, advice), 1);
  }
  return NULL;
}

Test(advice, is_for_many_threads) {
  struct advice_book *book = advice_book_new();
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) {
    pthread_create(&threads[i], NULL, browse, book);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
  }
  cr_assert_eq(advice_book_list(book, list), 1);
  advice_book_free(book);
}
