#include "proxy/page.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct page kPage = {
    .status = 502,
    .phrase = "Bad Gateway",
    .title = "Not <reached>",
    .host = "a\"b'c&d.example",
    .cause = "it broke --> <script>x</script>\r\nSet-Cookie: a --!> -",
    .protection = "everything",
    .advice = NULL,
};

// Returns the whole response as a string.
static char *written(const struct page *page, bool head_only) {
  struct bytes out = {0};
  page_write(&out, page, head_only);
  bytes_append(&out, "", 1);
  return (char *)out.data;
}

static const char *body_of(const char *response) {
  const char *end = strstr(response, "\r\n\r\n");
  cr_assert_not_null(end);
  return end + 4;
}

static size_t declared_length(const char *response) {
  const char *field = strstr(response, "\r\nContent-Length: ");
  cr_assert_not_null(field);
  return strtoul(field + 18, NULL, 10);
}

Test(page, is_one_whole_response) {
  char *response = written(&kPage, false);
  cr_expect(strncmp(response, "HTTP/1.1 502 Bad Gateway\r\n", 26) == 0);
  cr_expect_eq(declared_length(response), strlen(body_of(response)));
  cr_expect_not_null(strstr(response, "\r\nConnection: close\r\n"));
  cr_expect_not_null(strstr(response, "\r\nCache-Control: no-store\r\n"));
  cr_expect_not_null(
      strstr(response, "\r\nContent-Security-Policy: default-src 'none'; "));
  char *head = written(&kPage, true);
  cr_expect_eq(strlen(body_of(head)), 0);
  cr_expect_eq(declared_length(head), strlen(body_of(response)));
  free(response);
  free(head);
}

Test(page, says_the_cause_in_its_first_line) {
  char *response = written(&kPage, false);
  static const char kFirst[] =
      "<!-- echproxy: it broke - -) (script)x(/script)  Set-Cookie: a - -!) - "
      "-->\n<!doctype html>\n";
  cr_expect(strncmp(body_of(response), kFirst, sizeof(kFirst) - 1) == 0, "%s",
            body_of(response));
  free(response);
}

Test(page, escapes_everything) {
  char *response = written(&kPage, false);
  const char *body = body_of(response);
  cr_expect_null(strstr(body, "<script"));
  cr_expect_not_null(strstr(body, "<h1>Not &lt;reached&gt;</h1>"));
  cr_expect_not_null(strstr(body, "a&quot;b&#39;c&amp;d.example"));
  cr_expect_null(strstr(body, "What you can do"), "no heading without advice");
  cr_expect_null(strstr(body, "http"), "no link to anywhere");
  free(response);
}

Test(page, shows_lines_to_be_copied_as_they_are) {
  struct page page = kPage;
  page.lines = "[site \"a<b\"]\nclient-cert = FILE\n";
  char *response = written(&page, false);
  cr_expect_not_null(strstr(response,
                            "<pre>[site &quot;a&lt;b&quot;]\n"
                            "client-cert = FILE\n</pre>"));
  free(response);
  response = written(&kPage, false);
  cr_expect_null(strstr(response, "<pre"));
  free(response);
}

Test(page, shows_what_is_to_be_typed_in_its_advice) {
  struct page page = kPage;
  page.advice = "Say `a --b <c>` & `d`";
  char *response = written(&page, false);
  cr_expect_not_null(strstr(
      response, "<p>Say <kbd>a --b &lt;c&gt;</kbd> &amp; <kbd>d</kbd>.</p>"));
  free(response);
}
