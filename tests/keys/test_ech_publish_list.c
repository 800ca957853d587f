#include "keys/ech_publish_list.h"

#include <criterion/criterion.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>

#include "keys/support.h"

enum { kX25519 = 0x20, kP256 = 0x10 };

// An ECHConfigList of one entry, as keys have it.
struct list {
  uint8_t octets[128];
  size_t len;
};

static struct list make_list(uint16_t kem, const char *suites,
                             const char *extensions) {
  struct list list;
  CBB cbb, all, contents, child;
  cr_assert(CBB_init_fixed(&cbb, list.octets, sizeof(list.octets)) &&
            CBB_add_u16_length_prefixed(&cbb, &all) &&
            CBB_add_u16(&all, 0xfe0d) &&
            CBB_add_u16_length_prefixed(&all, &contents) &&
            CBB_add_u8(&contents, 7) && CBB_add_u16(&contents, kem) &&
            CBB_add_u16_length_prefixed(&contents, &child) &&
            CBB_add_u32(&child, 0x01020304) &&
            CBB_add_u16_length_prefixed(&contents, &child));
  for (; *suites != '\0'; suites++) {
    cr_assert(CBB_add_u16(&child, 1) && CBB_add_u16(&child, (uint8_t)*suites));
  }
  cr_assert(
      CBB_add_u8(&contents, 64) &&
      CBB_add_u8_length_prefixed(&contents, &child) &&
      CBB_add_bytes(&child, (const uint8_t *)"p.example", 9) &&
      CBB_add_u16_length_prefixed(&contents, &child) &&
      CBB_add_bytes(&child, (const uint8_t *)extensions, strlen(extensions)) &&
      CBB_finish(&cbb, NULL, &list.len));
  return list;
}

static uint8_t *join(size_t *out_len, const struct list *a,
                     const struct list *b, struct key_error *error) {
  const struct ech_publish_entry entries[] = {
      {"a.ech", a->octets, a->len},
      {"b.ech", b == NULL ? NULL : b->octets, b == NULL ? 0 : b->len},
  };
  return ech_publish_list(out_len, entries, b == NULL ? 1 : 2, error);
}

Test(ech_publish_list, of_one_key_is_its_own) {
  struct key_error error;
  size_t len;
  struct list list = make_list(kX25519, "\1\3", "");
  uint8_t *joined = join(&len, &list, NULL, &error);
  cr_assert_eq(len, list.len);
  cr_assert_arr_eq(joined, list.octets, len);
  OPENSSL_free(joined);
}

static void expect_joined(const struct list *a, const struct list *b) {
  struct key_error error = {""};
  size_t len;
  uint8_t *joined = join(&len, a, b, &error);
  cr_assert_not_null(joined, "%s", error.text);
  cr_assert_eq(len, a->len + b->len - 2);
  cr_assert_eq((size_t)(joined[0] << 8 | joined[1]), len - 2);
  cr_assert_arr_eq(joined + 2, a->octets + 2, a->len - 2);
  cr_assert_arr_eq(joined + a->len, b->octets + 2, b->len - 2);
  OPENSSL_free(joined);
}

// A client that does not know one KEM, suite or extension takes the other key.
Test(ech_publish_list, has_all_keys_that_some_client_takes) {
  struct list x25519 = make_list(kX25519, "\1\3", "");
  struct list p256 = make_list(kP256, "\1\3", "");
  struct list aes = make_list(kX25519, "\1", "");
  struct list extended = make_list(kX25519, "\1\3", "\xff\x01\0\0");
  expect_joined(&x25519, &p256);
  expect_joined(&aes, &x25519);
  expect_joined(&extended, &x25519);
  cr_assert(no_leaks());
}

static void expect_refused(const struct list *a, const struct list *b) {
  struct key_error error = {""};
  size_t len;
  cr_assert_null(join(&len, a, b, &error));
  cr_assert(strstr(error.text, "b.ech"), "%s", error.text);
}

Test(ech_publish_list, refuses_a_key_that_no_client_takes) {
  struct list both = make_list(kX25519, "\1\3", "");
  struct list turned = make_list(kX25519, "\3\1", "");
  struct list aes = make_list(kX25519, "\1", "");
  struct list cut = {{0x00, 0x05, 0xfe, 0x0d, 0x00, 0x01, 0x07}, 7};
  expect_refused(&both, &both);
  expect_refused(&both, &turned);
  expect_refused(&both, &aes);
  expect_refused(&both, &cut);
  cr_assert(no_leaks());
}
