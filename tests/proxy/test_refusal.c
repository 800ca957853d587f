#include "proxy/refusal.h"

#include <criterion/criterion.h>
#include <string.h>

Test(refusal, says_what_failed_and_what_was_seen) {
  const struct origin_report nothing_sent = {.public_name = ""};
  const uint8_t hello[] = {1};
  const struct origin_report report = {
      .public_name = "public.test", .hello = hello, .hello_len = 1};
  struct refusal refusal;
  refusal_for_origin(&refusal, "a.test", ORIGIN_TIMEOUT, &nothing_sent);
  const char *cause = origin_status_str(ORIGIN_TIMEOUT);
  cr_expect_eq(strncmp(refusal.page.cause, cause, strlen(cause)), 0);
  cr_expect_str_eq(refusal.page.host, "a.test");
  cr_expect_not_null(strstr(refusal.page.protection, "Nothing was sent"));
  cr_expect_null(refusal.page.lines);
  refusal_for_origin(&refusal, "a.test", ORIGIN_TIMEOUT, &report);
  cr_expect_not_null(strstr(refusal.page.protection, "public.test"));
}

Test(refusal, says_how_to_add_a_client_certificate) {
  const uint8_t hello[] = {1};
  const struct origin_report report = {
      .public_name = "public.test", .hello = hello, .hello_len = 1};
  struct refusal refusal;
  refusal_for_origin(&refusal, "www.bank.test", ORIGIN_CERTIFICATE_REQUIRED,
                     &report);
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
  const struct origin_report report = {.public_name = ""};
  struct refusal refusal;
  refusal_for_origin(&refusal, host, ORIGIN_CERTIFICATE_REQUIRED, &report);
  cr_expect_not_null(strstr(refusal.page.lines, "client-key = FILE\n"));
}
