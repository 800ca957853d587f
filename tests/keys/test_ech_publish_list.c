#include "keys/ech_publish_list.h"

#include <criterion/criterion.h>
#include <openssl/bytestring.h>
#include <openssl/mem.h>

#include "keys/ech_key.h"
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

// A file that has the list alone; it borrows it.
static struct ech_key_file file_of(struct list *list) {
  return (struct ech_key_file){
      .format = ECH_KEY_LIST, .list = list->octets, .list_len = list->len};
}

static bool add(struct ech_publish_list *to, const char *name,
                struct list *list, struct key_error *error) {
  struct ech_key_file file = file_of(list);
  return ech_publish_list_add(to, name, &file, error);
}

static void expect_list(const struct ech_publish_list *list,
                        const struct list *a, const struct list *b) {
  size_t len;
  size_t b_len = b == NULL ? 0 : b->len - 2;
  uint8_t *octets = ech_publish_list_make(list, &len);
  cr_assert_not_null(octets);
  cr_assert_eq(len, a->len + b_len);
  cr_assert_eq((size_t)(octets[0] << 8 | octets[1]), len - 2);
  cr_assert_arr_eq(octets + 2, a->octets + 2, a->len - 2);
  cr_assert(b == NULL || memcmp(octets + a->len, b->octets + 2, b_len) == 0);
  OPENSSL_free(octets);
}

static void expect_joined(struct list *a, struct list *b) {
  struct key_error error = {""};
  struct ech_publish_list list = {.num_configs = 0};
  cr_assert(add(&list, "a.ech", a, &error), "%s", error.text);
  expect_list(&list, a, NULL);
  cr_assert(add(&list, "b.ech", b, &error), "%s", error.text);
  expect_list(&list, a, b);
}

// A client that does not know one KEM, suite, extension or version takes the
// other key.
Test(ech_publish_list, has_all_keys_that_some_client_takes) {
  struct list x25519 = make_list(kX25519, "\1\3", "");
  struct list p256 = make_list(kP256, "\1\3", "");
  struct list aes = make_list(kX25519, "\1", "");
  struct list extended = make_list(kX25519, "\1\3", "\xff\x01");
  struct list later = {{0x00, 0x05, 0xfe, 0x0e, 0x00, 0x01, 0x07}, 7};
  expect_joined(&x25519, &p256);
  expect_joined(&aes, &x25519);
  expect_joined(&extended, &x25519);
  expect_joined(&x25519, &later);
  expect_joined(&later, &x25519);
  cr_assert(no_leaks());
}

static void expect_refused(struct list *a, struct list *b) {
  struct key_error error = {""};
  struct ech_publish_list list = {.num_configs = 0};
  cr_assert(add(&list, "a.ech", a, &error));
  cr_assert_not(add(&list, "b.ech", b, &error));
  cr_assert(strstr(error.text, "b.ech"), "%s", error.text);
}

Test(ech_publish_list, refuses_a_key_that_no_client_takes) {
  struct list both = make_list(kX25519, "\1\3", "");
  struct list turned = make_list(kX25519, "\3\1", "");
  struct list aes = make_list(kX25519, "\1", "");
  struct list cut = {{0x00, 0x05, 0xfe, 0x0d, 0x00, 0x02, 0x07}, 7};
  expect_refused(&both, &both);
  expect_refused(&both, &turned);
  expect_refused(&both, &aes);
  expect_refused(&both, &cut);
  cr_assert(no_leaks());
}

// key_file returns the file of a new key, released with ech_key_file_cleanup.
static struct ech_key_file key_file(void) {
  struct key_error error;
  struct ech_key_file file;
  struct ech_key *key = ech_key_generate("p.example", 64, &error);
  cr_assert(ech_key_to_file(key, &file));
  ech_key_free(key);
  return file;
}

// A server's file with two keys, the newest first: its list has both.
Test(ech_publish_list, takes_the_first_of_alike_keys_in_one_file) {
  struct key_error error = {""};
  struct ech_key_file newer = key_file();
  struct ech_key_file older = key_file();
  struct ech_private_key keys[] = {newer.keys[0], older.keys[0]};
  uint8_t list[512];
  memcpy(list, newer.list, newer.list_len);
  memcpy(list + newer.list_len, older.list + 2, older.list_len - 2);
  list[1] = (uint8_t)(list[1] + older.list_len - 2);
  const struct ech_key_file file = {ECH_KEY_GO, keys, 2, list,
                                    newer.list_len + older.list_len - 2};
  struct ech_publish_list made = {.num_configs = 0};
  cr_assert(ech_publish_list_add(&made, "both", &file, &error), "%s",
            error.text);
  size_t len;
  uint8_t *octets = ech_publish_list_make(&made, &len);
  cr_assert_eq(len, newer.list_len);
  cr_assert_arr_eq(octets, newer.list, len);
  OPENSSL_free(octets);
  ech_key_file_cleanup(&newer);
  ech_key_file_cleanup(&older);
  cr_assert(no_leaks());
}

// The server could not decrypt for it.
Test(ech_publish_list, refuses_a_configuration_without_its_key) {
  struct key_error error = {""};
  struct ech_key_file mine = key_file();
  struct ech_key_file other = key_file();
  struct ech_publish_list list = {.num_configs = 0};
  const struct ech_key_file mixed = {ECH_KEY_PEM, mine.keys, 1, other.list,
                                     other.list_len};
  cr_assert_not(ech_publish_list_add(&list, "mixed", &mixed, &error));
  cr_assert(strstr(error.text, "mixed"), "%s", error.text);
  const struct ech_key_file alone = {ECH_KEY_RAW, mine.keys, 1, NULL, 0};
  cr_assert_not(ech_publish_list_add(&list, "alone", &alone, &error));
  cr_assert(strstr(error.text, "holds no configuration"), "%s", error.text);
  ech_key_file_cleanup(&mine);
  ech_key_file_cleanup(&other);
  cr_assert(no_leaks());
}
