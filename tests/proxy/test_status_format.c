#include "proxy/status_format.h"

#include <criterion/criterion.h>
#include <string.h>

Test(status_format, writes_octets) {
  static const struct {
    uint64_t bytes;
    const char *text;
  } kCases[] = {
      {0, "0 B"},
      {999, "999 B"},
      {1000, "1.0 kB"},
      {9940, "9.9 kB"},
      {9960, "10 kB"},
      {999499, "999 kB"},
      {999500, "1.0 MB"},
      {33000000, "33 MB"},
      {5000000000, "5.0 GB"},
      {UINT64_MAX, "18447 PB"},
  };
  char out[kStatusFormatSize];
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_str_eq(status_format_bytes(out, kCases[i].bytes), kCases[i].text);
  }
}

Test(status_format, writes_times) {
  static const struct {
    double ms;
    const char *text;
  } kCases[] = {
      {0, "0.0 ms"},     {0.31, "0.3 ms"},       {9.96, "10 ms"},
      {999.4, "999 ms"}, {1000, "1.0 s"},        {61500, "61.5 s"},
      {125000, "2 min"}, {7500000, "2 h 5 min"},
  };
  char out[kStatusFormatSize];
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    cr_expect_str_eq(status_format_ms(out, kCases[i].ms), kCases[i].text);
  }
  cr_expect_str_eq(status_format_age(out, 59), "59 s");
  cr_expect_str_eq(status_format_age(out, 3 * 86400 + 4 * 3600), "3 d 4 h");
  cr_expect_gt(strlen(status_format_age(out, UINT64_MAX)), 0);
}
