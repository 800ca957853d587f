#include "proxy/refusal.h"

#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <uv.h>

// The statuses are numbered from ORIGIN_OK on.
enum {
  kNumStatuses = 0
#define X(name, text) +1
  ORIGIN_STATUSES(X)
#undef X
};

static const struct origin_report kSilent = {.public_name = "public.test"};

static const struct origin_report kSeen = {
    .public_name = "public.test",
    .hello = (const uint8_t *)"hello",
    .hello_len = 5,
    .error = {
        .verify_result = X509_V_ERR_CERT_HAS_EXPIRED,
        .ssl_err = ERR_PACK(ERR_LIB_SSL, SSL_R_CERTIFICATE_VERIFY_FAILED)}};

static bool is_sentence(const char *text) {
  return text != NULL && strlen(text) > 10 && text[strlen(text) - 1] == '.';
}

Test(refusal, has_words_for_every_outcome) {
  for (int i = ORIGIN_OK + 1; i < kNumStatuses; i++) {
    enum origin_status status = (enum origin_status)i;
    struct refusal refusal;
    refusal_for_origin(&refusal, "site.example", status, &kSilent);
    const struct page *page = &refusal.page;
    cr_expect_eq(page->status, 502);
    cr_expect_str_eq(page->host, "site.example");
    cr_expect_gt(strlen(page->title), 10);
    cr_expect_gt(strlen(page->cause), 10);
    cr_expect(is_sentence(page->protection), "%s", page->protection);
    cr_expect(is_sentence(page->advice), "%s", page->advice);
    cr_expect_null(strstr(page->advice, "://"), "no link out");
  }
}

Test(refusal, tells_outcomes_apart) {
  const char *titles[kNumStatuses];
  struct refusal refusal;
  for (int i = ORIGIN_OK + 1; i < kNumStatuses; i++) {
    refusal_for_origin(&refusal, "x", (enum origin_status)i, &kSilent);
    titles[i] = refusal.page.title;
    for (int j = ORIGIN_OK + 1; j < i; j++) {
      cr_expect_str_neq(titles[i], titles[j]);
    }
  }
}

Test(refusal, says_what_an_observer_saw) {
  struct refusal refusal;
  refusal_for_origin(&refusal, "x", ORIGIN_BAD_CERTIFICATE, &kSeen);
  cr_expect_not_null(strstr(refusal.page.protection, "encrypted only"));
  cr_expect_not_null(strstr(refusal.page.protection, "public.test"));
  const char *cause = origin_status_str(ORIGIN_BAD_CERTIFICATE);
  cr_expect_eq(strncmp(refusal.page.cause, cause, strlen(cause)), 0);
  cr_expect_not_null(strstr(refusal.page.cause, "expired"), "%s",
                     refusal.page.cause);
  refusal_for_origin(&refusal, "x", ORIGIN_UNREACHABLE, &kSilent);
  cr_expect_not_null(strstr(refusal.page.protection, "not sent at all"));
  cr_expect_null(strstr(refusal.page.protection, "public.test"));
}

// Whatever the outcome, it is the upstream proxy that is to be looked at.
Test(refusal, names_the_upstream_proxy) {
  struct origin_report report = kSilent;
  report.error = (struct tls_error){.uv_err = UV_EACCES, .via_upstream = true};
  struct refusal refusal;
  refusal_for_origin(&refusal, "x", ORIGIN_UNREACHABLE, &report);
  cr_expect_not_null(strstr(refusal.page.title, "upstream proxy"));
  cr_expect_not_null(strstr(refusal.page.advice, "upstream-proxy"));
}

Test(refusal, says_how_to_reach_one_site_in_the_clear) {
  struct refusal refusal;
  refusal_for_origin(&refusal, "www.shop.test", ORIGIN_ECH_DISABLED, &kSeen);
  cr_expect_str_eq(refusal.page.lines,
                   "[site \"www.shop.test\"]\nmode = prefer\n");
  refusal_for_origin(&refusal, "www.shop.test", ORIGIN_TIMEOUT, &kSeen);
  cr_expect_null(refusal.page.lines);
}

Test(refusal, says_how_to_add_a_client_certificate) {
  struct refusal refusal;
  refusal_for_origin(&refusal, "www.bank.test", ORIGIN_CERTIFICATE_REQUIRED,
                     &kSeen);
  cr_expect_str_eq(refusal.page.lines,
                   "[site \"www.bank.test\"]\n"
                   "client-cert = FILE\n"
                   "client-key = FILE\n");
  cr_expect_not_null(strstr(refusal.page.cause, "client certificate"));
  cr_expect_not_null(strstr(refusal.page.protection, "public.test"));
  cr_expect_not_null(strstr(refusal.page.advice, "mode = pass"));
  cr_expect_eq(refusal.page.status, 502);
}

Test(refusal, has_room_for_the_longest_name) {
  char host[254];
  memset(host, 'a', sizeof(host) - 1);
  host[sizeof(host) - 1] = '\0';
  struct refusal refusal;
  refusal_for_origin(&refusal, host, ORIGIN_CERTIFICATE_REQUIRED, &kSilent);
  cr_expect_not_null(strstr(refusal.page.lines, "client-key = FILE\n"));
}
