#include "ech/endpoint_alpn.h"

#include <criterion/criterion.h>
#include <string.h>

Test(endpoint_alpn, follows_rfc_9460) {
  static const struct {
    const char *alpn;
    bool no_default;
    const char *offered;
    bool compatible;
  } kRows[] = {
      {"", false, "\x02h2\x08http/1.1", true},
      {"", false, "\x02h2", false},
      {"", false, "", true},  // none offered is http/1.1
      {"\x02h2", false, "\x02h2", true},
      {"\x02h2", false, "\x08http/1.1", true},
      {"\x02h2", true, "\x08http/1.1", false},
      {"\x02h2", true, "", false},
      {"\x02h3\x02h2", true, "\x08http/1.1\x02h2", true},
      {"\x02h3", true, "\x02h2\x08http/1.1", false},
      {"\x02h3", false, "\x02h2\x08http/1.1", true},
      {"\x08http/1.1", true, "", true},
      {"\x02h2", true, "\x03h2c", false},
      {"\x02h2", true, "\x01h", false},
      {"\x02h2", true, "\x05h2", false},  // cut short
  };
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; i++) {
    const struct endpoint endpoint = {
        .alpn = (const uint8_t *)kRows[i].alpn,
        .alpn_len = strlen(kRows[i].alpn),
        .no_default_alpn = kRows[i].no_default,
    };
    cr_assert_eq(endpoint_alpn_is_compatible(&endpoint,
                                             (const uint8_t *)kRows[i].offered,
                                             strlen(kRows[i].offered)),
                 kRows[i].compatible, "row %zu", i);
  }
}
