#include "ech/origin_report.h"

#include <criterion/criterion.h>
#include <string.h>
#include <uv.h>

static const uint8_t kHello[1];

Test(origin_report, says_what_is_known_beyond_the_status) {
  static const struct {
    enum origin_status status;
    struct origin_report report;
    const char *detail;
  } kRows[] = {
      {ORIGIN_NO_ADDRESS, {.answered = false}, ""},
      {ORIGIN_ECH_DISABLED, {.public_name = "public.test"}, ""},
      {ORIGIN_UNREACHABLE,
       {.error = {.uv_err = UV_ECONNREFUSED}},
       "connection refused"},
      {ORIGIN_UNREACHABLE,
       {.error = {.uv_err = UV_ECONNREFUSED, .via_upstream = true}},
       "the server refused the upstream proxy's connection"},
      // Silence: with ECH, without, and after a beginning.
      {ORIGIN_TIMEOUT,
       {.public_name = "public.test",
        .hello = kHello,
        .hello_len = 1,
        .error = {.uv_err = UV_ETIMEDOUT}},
       "nothing came back; the network may drop hellos with ECH for "
       "public.test"},
      {ORIGIN_TIMEOUT,
       {.hello = kHello, .hello_len = 1, .error = {.uv_err = UV_ETIMEDOUT}},
       "nothing came back"},
      {ORIGIN_TIMEOUT,
       {.public_name = "public.test",
        .hello = kHello,
        .hello_len = 1,
        .answered = true,
        .error = {.uv_err = UV_ETIMEDOUT}},
       "it began to answer and then fell silent"},
      {ORIGIN_TLS_FAILED,
       {.public_name = "public.test",
        .hello = kHello,
        .hello_len = 1,
        .error = {.uv_err = UV_EOF}},
       "the peer closed the connection in the handshake; the network may block "
       "hellos with ECH for public.test"},
      {ORIGIN_TLS_FAILED,
       {.public_name = "public.test",
        .hello = kHello,
        .hello_len = 1,
        .answered = true,
        .error = {.uv_err = UV_EOF}},
       "the peer closed the connection in the handshake"},
      {ORIGIN_CERTIFICATE_REQUIRED,
       {.public_name = "public.test",
        .hello = kHello,
        .hello_len = 1,
        .answered = true,
        .error = {.alert = 116}},
       "the peer ended the handshake: TLS alert certificate_required (116)"},
  };
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; i++) {
    char detail[kOriginDetailSize];
    cr_assert_str_eq(
        origin_report_detail(detail, kRows[i].status, &kRows[i].report),
        kRows[i].detail, "row %zu", i);
  }
}

Test(origin_report, keeps_to_its_buffer) {
  struct origin_report report = {
      .hello = kHello, .hello_len = 1, .error = {.uv_err = UV_EOF}};
  char detail[kOriginDetailSize];
  memset(report.public_name, 'a', sizeof report.public_name - 1);
  origin_report_detail(detail, ORIGIN_TLS_FAILED, &report);
  cr_assert_lt(strlen(detail), kOriginDetailSize);
  origin_report_detail(detail, ORIGIN_TIMEOUT, &report);
  cr_assert(strstr(detail, report.public_name));
}
