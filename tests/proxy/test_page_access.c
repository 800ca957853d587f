#include "proxy/page_access.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char kToken[] = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-";

#define HERE "Host: 127.0.0.1:8450\r\n"
#define BEARER \
  "Authorization: Bearer c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-\r\n"
#define SAME "Sec-Fetch-Site: same-origin\r\n"
#define CROSS "Sec-Fetch-Site: cross-site\r\n"
#define NAVIGATE "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"

struct row {
  enum page_way way;
  const char *peer;
  const char *method;
  const char *fields;
  enum page_access access;
};

static const char kLocal[] = "192.0.2.7:8450";

static const struct row kRows[] = {
    // By whom, and with which token.
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE, PAGE_ACCESS_PUBLIC},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE BEARER, PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "[::1]:1", "GET", HERE BEARER, PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "POST", HERE BEARER, PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "192.0.2.8:1", "GET", HERE BEARER, PAGE_ACCESS_NOT_HERE},
    {PAGE_DIRECT, "192.0.2.7:1", "GET", HERE BEARER, PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "192.0.2.8:1", "GET", HERE, PAGE_ACCESS_PUBLIC},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE "Authorization: bearer "
          "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-\r\n",
     PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE "Authorization: Bearer "
          "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYwx\r\n",
     PAGE_ACCESS_WRONG_TOKEN},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE "Authorization: Bearer \r\n",
     PAGE_ACCESS_WRONG_TOKEN},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE "Authorization:\r\n",
     PAGE_ACCESS_WRONG_TOKEN},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE "Authorization: Basic "
          "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw-\r\n",
     PAGE_ACCESS_WRONG_TOKEN},
    // The host.
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: localhost:8450\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: [::1]:8450\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: 192.0.2.7:8450\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: 192.0.2.9:8450\r\n" BEARER,
     PAGE_ACCESS_WRONG_HOST},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: evil.example:8450\r\n" BEARER,
     PAGE_ACCESS_WRONG_HOST},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     "Host: localhost.evil.example\r\n" BEARER, PAGE_ACCESS_WRONG_HOST},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host:\r\n" BEARER,
     PAGE_ACCESS_WRONG_HOST},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: ech.internal\r\n" BEARER,
     PAGE_ACCESS_WRONG_HOST},
    {PAGE_PROXIED, "127.0.0.1:1", "GET", "Host: ech.internal\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_PROXIED, "192.0.2.8:1", "GET", "Host: ech.internal\r\n" BEARER,
     PAGE_ACCESS_NOT_HERE},
    {PAGE_TUNNEL, "127.0.0.1:1", "GET", "Host: ech.internal\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_TLS_TUNNEL, "127.0.0.1:1", "GET", "Host: ech.internal\r\n" BEARER,
     PAGE_ACCESS_DATA},
    {PAGE_TLS_TUNNEL, "127.0.0.1:1", "GET", "Host: localhost\r\n" BEARER,
     PAGE_ACCESS_WRONG_HOST},
    // The origin, to the letter.
    {PAGE_DIRECT, "127.0.0.1:1", "POST",
     HERE BEARER "Origin: http://127.0.0.1:8450\r\n", PAGE_ACCESS_DATA},
    {PAGE_TLS_TUNNEL, "127.0.0.1:1", "POST",
     "Host: ech.internal\r\n" BEARER "Origin: https://ech.internal\r\n",
     PAGE_ACCESS_DATA},
    {PAGE_PROXIED, "127.0.0.1:1", "POST",
     "Host: ech.internal\r\n" BEARER "Origin: https://ech.internal\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE BEARER "Origin: http://127.0.0.1:8451\r\n", PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE BEARER "Origin: http://127.0.0.1\r\n", PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE BEARER "Origin: http://127.0.0.1:8450.evil.example\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE BEARER "Origin: https://evil.example\r\n", PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE BEARER "Origin: null\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", BEARER "Origin: null\r\n",
     PAGE_ACCESS_SILENT},
    // What a browser says of where a request comes from.
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE BEARER SAME, PAGE_ACCESS_DATA},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE "Sec-Fetch-Site: none\r\n" NAVIGATE, PAGE_ACCESS_PUBLIC},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE CROSS "Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE BEARER "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE CROSS "Sec-Fetch-Mode: websocket\r\nOrigin: http://a\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE CROSS NAVIGATE,
     PAGE_ACCESS_PUBLIC},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE CROSS BEARER NAVIGATE,
     PAGE_ACCESS_PUBLIC},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     HERE CROSS "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "POST",
     HERE CROSS NAVIGATE "Origin: https://evil.example\r\n",
     PAGE_ACCESS_CROSS_SITE},
    {PAGE_DIRECT, "127.0.0.1:1", "GET",
     "Host: evil.example\r\n" CROSS "Sec-Fetch-Mode: no-cors\r\n",
     PAGE_ACCESS_SILENT},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", "Host: evil.example\r\n" SAME BEARER,
     PAGE_ACCESS_WRONG_HOST},
    {PAGE_DIRECT, "127.0.0.1:1", "GET", HERE BEARER "Sec-Fetch-Site: x\r\n",
     PAGE_ACCESS_SILENT},
};

static enum page_access access_of(const struct row *row, const char *token) {
  char text[1024];
  struct http_head head;
  struct http_scan scan = {0};
  struct page_visitor visitor = {.way = row->way};
  // Without a Host only HTTP/1.0 is well-formed.
  int minor = strstr(row->fields, "Host:") != NULL;
  int len = snprintf(text, sizeof(text), "%s / HTTP/1.%d\r\n%s\r\n",
                     row->method, minor, row->fields);
  cr_assert(address_from_host_port(&visitor.peer, row->peer));
  cr_assert(address_from_host_port(&visitor.local, kLocal));
  cr_assert_eq(http_request_read(&head, &scan, (uint8_t *)text, (size_t)len),
               HTTP_HEAD_OK, "%s", text);
  return page_access_for(&visitor, &head, token);
}

Test(page_access, decides_by_the_table) {
  for (size_t i = 0; i < sizeof(kRows) / sizeof(kRows[0]); i++) {
    enum page_access access = access_of(&kRows[i], kToken);
    cr_expect_eq(access, kRows[i].access, "row %zu: %s instead of %s for\n%s",
                 i, page_access_str(access), page_access_str(kRows[i].access),
                 kRows[i].fields);
  }
}

// As it is of a client that has hung up by the time its connection is taken:
// what it sent before is still read.
Test(page_access, takes_unknown_ends_for_another_machines) {
  static const char kText[] = "GET / HTTP/1.1\r\n" HERE BEARER "\r\n";
  const struct page_visitor visitor = {.way = PAGE_DIRECT};
  struct http_head head;
  struct http_scan scan = {0};
  cr_assert_eq(
      http_request_read(&head, &scan, (uint8_t *)kText, sizeof(kText) - 1),
      HTTP_HEAD_OK);
  cr_assert_eq(page_access_for(&visitor, &head, kToken), PAGE_ACCESS_NOT_HERE);
}

Test(page_access, gives_no_data_where_there_is_no_token) {
  const struct row row = {PAGE_DIRECT, "127.0.0.1:1", "GET",
                          HERE "Authorization: Bearer \r\n",
                          PAGE_ACCESS_WRONG_TOKEN};
  cr_assert_eq(access_of(&row, ""), PAGE_ACCESS_WRONG_TOKEN);
}

Test(page_access, tells_a_wrong_host_nothing_of_us) {
  cr_assert_null(strstr(page_access_str(PAGE_ACCESS_WRONG_HOST), "proxy"));
}
