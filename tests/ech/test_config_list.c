#include "ech/config_list.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <openssl/bytestring.h>
#include <openssl/hpke.h>
#include <openssl/ssl.h>
#include <string.h>

#include "ech/client_hello.h"
#include "support/client_side.h"
#include "support/mutate.h"

enum { kMaxLen = 2048 };

// What an entry is made of. Zero fields take what makes the entry usable.
struct recipe {
  uint16_t version;
  uint16_t kem_id;
  size_t key_len;
  const char *suites;  // with its length, so that "" is none
  size_t suites_len;
  const char *public_name;
  size_t public_name_len;
  const char *extensions;
  size_t extensions_len;
};

// A public key in which no single bit makes it a point of small order.
static const uint8_t kKey[64] = {
    0x1d, 0x77, 0xec, 0x9c, 0x52, 0x2d, 0x08, 0x60, 0x5b, 0x17, 0x9d,
    0x42, 0x14, 0xee, 0x4a, 0x36, 0x35, 0xdf, 0x7e, 0x17, 0xc3, 0x36,
    0xea, 0x90, 0x06, 0x65, 0x5a, 0x73, 0xfc, 0xaa, 0xd6, 0x3e};

static void add_entry(CBB *list, struct recipe r) {
  CBB contents, child;
  cr_assert(CBB_add_u16(list, r.version == 0 ? 0xfe0d : r.version));
  cr_assert(CBB_add_u16_length_prefixed(list, &contents));
  cr_assert(CBB_add_u8(&contents, 7));
  cr_assert(CBB_add_u16(&contents, r.kem_id == 0 ? 0x0020 : r.kem_id));
  cr_assert(CBB_add_u16_length_prefixed(&contents, &child));
  cr_assert(CBB_add_bytes(&child, kKey, r.key_len == 0 ? 32 : r.key_len));
  cr_assert(CBB_add_u16_length_prefixed(&contents, &child));
  if (r.suites == NULL) {
    r.suites = "\0\1\0\1";
    r.suites_len = 4;
  }
  cr_assert(CBB_add_bytes(&child, (const uint8_t *)r.suites, r.suites_len));
  cr_assert(CBB_add_u8(&contents, 100));
  cr_assert(CBB_add_u8_length_prefixed(&contents, &child));
  if (r.public_name == NULL) {
    r.public_name = "public.example";
  }
  size_t name_len =
      r.public_name_len == 0 ? strlen(r.public_name) : r.public_name_len;
  cr_assert(CBB_add_bytes(&child, (const uint8_t *)r.public_name, name_len));
  cr_assert(CBB_add_u16_length_prefixed(&contents, &child));
  cr_assert(
      CBB_add_bytes(&child, (const uint8_t *)r.extensions, r.extensions_len));
  cr_assert(CBB_flush(list));
}

static size_t make_list(uint8_t out[kMaxLen], const struct recipe *recipes,
                        size_t num_recipes) {
  CBB cbb, list;
  size_t len;
  cr_assert(CBB_init_fixed(&cbb, out, kMaxLen));
  cr_assert(CBB_add_u16_length_prefixed(&cbb, &list));
  for (size_t i = 0; i < num_recipes; i++) {
    add_entry(&list, recipes[i]);
  }
  cr_assert(CBB_finish(&cbb, NULL, &len));
  return len;
}

static bool boringssl_takes(SSL_CTX *ctx, const uint8_t *list, size_t len) {
  SSL *ssl = SSL_new(ctx);
  bool taken = SSL_set1_ech_config_list(ssl, list, len) == 1;
  SSL_free(ssl);
  return taken;
}

// offers_ech says whether BoringSSL's client sends a hello with ECH when it is
// given `list`, and not one in the clear or none.
static bool offers_ech(SSL_CTX *ctx, const uint8_t *list, size_t len) {
  uint8_t hello[4096];
  struct client_hello parsed;
  SSL *ssl = SSL_new(ctx);
  SSL_set_tlsext_host_name(ssl, "secret.example");
  cr_assert(SSL_set1_ech_config_list(ssl, list, len));
  size_t hello_len = client_side_hello(ssl, hello, sizeof(hello));
  if (hello_len == 0) {
    return false;
  }
  cr_assert(client_hello_parse(&parsed, hello, hello_len));
  bool offered = parsed.ech == CLIENT_HELLO_ECH_OUTER;
  cr_assert_eq(strcmp(parsed.server_name, "secret.example") != 0, offered);
  return offered;
}

static SSL_CTX *new_ctx(void) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
  return ctx;
}

// A list with everything: an unknown version, an unknown KEM, three suites, an
// extension that may be skipped.
static size_t make_rich_list(uint8_t out[kMaxLen]) {
  static const struct recipe kRecipes[] = {
      {.version = 0xfe0a},
      {.kem_id = 0x0010, .key_len = 64},
      {.suites = "\0\2\0\1\0\1\0\2\0\1\0\3",
       .suites_len = 12,
       .extensions = "\x12\x34\0\2hi",
       .extensions_len = 6},
  };
  return make_list(out, kRecipes, 3);
}

Test(config_list, reads_the_example_of_rfc_9848) {
  static const char kBase64[] =
      "AEj+DQBEAQAgACAdd+scUi0IYFsXnUIU7ko2Nd9+F8M26pAGZVpz/KrWPgAEAAEAAWQVZWNo"
      "LXNpdGVzLmV4YW1wbGUubmV0AAA=";
  uint8_t list[128];
  size_t len;
  cr_assert(EVP_DecodeBase64(list, &len, sizeof(list), (const uint8_t *)kBase64,
                             strlen(kBase64)));
  struct ech_config_entry entry;
  cr_assert(ech_config_list_well_formed(list, len));
  cr_assert(ech_config_list_usable(list, len, &entry));
  cr_expect_eq(entry.verdict, ECH_CONFIG_USABLE);
  cr_expect_eq(entry.offset, 2);
  cr_expect_eq(entry.len, len - 2);
  cr_expect_eq(entry.version, 0xfe0d);
  cr_expect_eq(entry.config_id, 1);
  cr_expect_eq(entry.kem_id, 0x0020);
  cr_expect_eq(entry.maximum_name_length, 100);
  cr_expect_str_eq(entry.public_name, "ech-sites.example.net");
}

Test(config_list, says_why_an_entry_is_not_used) {
  static const struct {
    struct recipe recipe;
    enum ech_config_verdict verdict;
  } kCases[] = {
      {{0}, ECH_CONFIG_USABLE},
      {{.suites = "\0\1\0\2", .suites_len = 4}, ECH_CONFIG_USABLE},
      {{.suites = "\0\1\0\3", .suites_len = 4}, ECH_CONFIG_USABLE},
      {{.suites = "\0\3\0\1\0\1\0\1", .suites_len = 8}, ECH_CONFIG_USABLE},
      {{.extensions = "\x7f\xff\0\0", .extensions_len = 4}, ECH_CONFIG_USABLE},
      {{.version = 0xfe0c}, ECH_CONFIG_UNKNOWN_VERSION},
      {{.kem_id = 0x0010, .key_len = 64}, ECH_CONFIG_UNSUPPORTED_KEM},
      {{.key_len = 31}, ECH_CONFIG_BAD_PUBLIC_KEY},
      {{.key_len = 33}, ECH_CONFIG_BAD_PUBLIC_KEY},
      {{.suites = "\0\2\0\1", .suites_len = 4}, ECH_CONFIG_UNSUPPORTED_SUITES},
      {{.suites = "\0\1\0\0", .suites_len = 4}, ECH_CONFIG_UNSUPPORTED_SUITES},
      {{.suites = "\0\1\0\4", .suites_len = 4}, ECH_CONFIG_UNSUPPORTED_SUITES},
      {{.suites = "\0\1\xff\xff", .suites_len = 4},
       ECH_CONFIG_UNSUPPORTED_SUITES},
      {{.extensions = "\x80\0\0\0", .extensions_len = 4},
       ECH_CONFIG_MANDATORY_EXTENSION},
      {{.extensions = "\xff\1\0\1x\0\1\0\0", .extensions_len = 9},
       ECH_CONFIG_MANDATORY_EXTENSION},
      {{.public_name = "not a name"}, ECH_CONFIG_BAD_PUBLIC_NAME},
      {{.public_name = "a b", .extensions = "\1", .extensions_len = 1},
       ECH_CONFIG_BAD_PUBLIC_NAME},
  };
  SSL_CTX *ctx = new_ctx();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    uint8_t list[kMaxLen];
    size_t len = make_list(list, &kCases[i].recipe, 1);
    size_t offset = 0;
    struct ech_config_entry entry;
    cr_assert(ech_config_list_next(list, len, &offset, &entry), "case %zu", i);
    cr_expect_eq(entry.verdict, kCases[i].verdict, "case %zu: %s", i,
                 ech_config_verdict_str(entry.verdict));
    cr_expect_eq(offset, len);
    bool usable = kCases[i].verdict == ECH_CONFIG_USABLE;
    cr_expect_eq(ech_config_list_usable(list, len, &entry), usable);
    cr_expect(ech_config_list_well_formed(list, len));
    cr_expect(boringssl_takes(ctx, list, len), "case %zu", i);
    cr_expect_eq(offers_ech(ctx, list, len), usable, "case %zu", i);
  }
  SSL_CTX_free(ctx);
}

Test(config_list, refuses_what_boringssl_refuses) {
  static const struct recipe kCases[] = {
      {.suites = "", .suites_len = 0},
      {.suites = "\0\1\0\1\0", .suites_len = 5},
      {.extensions = "\1", .extensions_len = 1},
      {.extensions = "\0\1\0\2x", .extensions_len = 5},
      {.extensions = "\x80\1\0\0\1", .extensions_len = 5},
      {.kem_id = 0x0010, .suites = "\0\1\0", .suites_len = 3},
      {.public_name = "\0", .public_name_len = 0},
  };
  SSL_CTX *ctx = new_ctx();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    // A good entry before the bad one does not help.
    struct recipe recipes[] = {{0}, kCases[i]};
    uint8_t list[kMaxLen];
    size_t len = make_list(list, recipes, 2);
    struct ech_config_entry entry;
    cr_expect(!boringssl_takes(ctx, list, len), "case %zu", i);
    cr_expect(!ech_config_list_well_formed(list, len), "case %zu", i);
    cr_expect(!ech_config_list_usable(list, len, &entry), "case %zu", i);
    size_t offset = 0;
    cr_assert(ech_config_list_next(list, len, &offset, &entry));
    size_t bad_at = offset;
    cr_expect(!ech_config_list_next(list, len, &offset, &entry));
    cr_expect_eq(offset, bad_at, "the offset tells where");
    cr_expect_lt(offset, len);
  }
  SSL_CTX_free(ctx);
}

Test(config_list, refuses_a_list_without_entries) {
  struct ech_config_entry entry;
  static const uint8_t kEmpty[] = {0, 0};
  cr_expect(!ech_config_list_well_formed(kEmpty, 0));
  cr_expect(!ech_config_list_well_formed(NULL, 0));
  cr_expect(!ech_config_list_well_formed(kEmpty, 1));
  cr_expect(!ech_config_list_well_formed(kEmpty, 2));
  cr_expect(!ech_config_list_usable(kEmpty, 2, &entry));
}

Test(config_list, uses_the_first_usable_entry) {
  static const struct recipe kRecipes[] = {
      {.version = 0xfe0a},
      {.key_len = 31},
      {.public_name = "first.example"},
      {.public_name = "second.example"},
  };
  uint8_t list[kMaxLen], narrow[kMaxLen];
  size_t narrow_len;
  size_t len = make_list(list, kRecipes, 4);
  struct ech_config_entry entry;
  cr_assert(ech_config_list_usable(list, len, &entry));
  cr_expect_str_eq(entry.public_name, "first.example");

  SSL_CTX *ctx = new_ctx();
  cr_assert(ech_config_list_narrow(narrow, &narrow_len, list, len));
  cr_expect_eq(narrow_len, 2 + entry.len);
  cr_expect(offers_ech(ctx, narrow, narrow_len));
  SSL_CTX_free(ctx);
}

// The key 0 is a point of small order. That such an entry counts as usable is
// safe only as long as BoringSSL's client then sends nothing at all.
Test(config_list, sends_nothing_for_a_key_of_small_order) {
  static const struct recipe kRecipe = {0};
  uint8_t list[kMaxLen], hello[4096];
  enum { kKeyOffset = 2 + 4 + 1 + 2 + 2 };
  size_t len = make_list(list, &kRecipe, 1);
  memset(list + kKeyOffset, 0, 32);
  struct ech_config_entry entry;
  cr_assert(ech_config_list_usable(list, len, &entry));
  SSL_CTX *ctx = new_ctx();
  SSL *ssl = SSL_new(ctx);
  cr_assert(SSL_set1_ech_config_list(ssl, list, len));
  cr_expect_eq(client_side_hello(ssl, hello, sizeof(hello)), 0);
  SSL_CTX_free(ctx);
}

Test(config_list, narrows_nothing_without_a_usable_entry) {
  static const struct recipe kRecipe = {.version = 0xfe0a};
  uint8_t list[kMaxLen], narrow[kMaxLen];
  size_t narrow_len;
  size_t len = make_list(list, &kRecipe, 1);
  cr_expect(!ech_config_list_narrow(narrow, &narrow_len, list, len));
}

Test(config_list, judges_public_names_as_boringssl_does) {
  static const struct {
    const char *name;
    size_t len;
    bool usable;
  } kCases[] = {
      {"a", 0, true},
      {"public.example", 0, true},
      {"PUBLIC.Example", 0, true},
      {"xn--bcher-kva.example", 0, true},
      {"1.example", 0, true},
      {"a.1b", 0, true},
      {"a.0xg", 0, true},
      {"a.x0", 0, true},
      {".example", 0, false},
      {"example.", 0, false},
      {"a..example", 0, false},
      {".", 0, false},
      {"-a.example", 0, false},
      {"a-.example", 0, false},
      {"a_b.example", 0, false},
      {"a b.example", 0, false},
      {"b\xc3\xbc.example", 0, false},
      {"a\0b.example", 11, false},
      {"a.\033[2Jx", 0, false},
      {"192.0.2.1", 0, false},
      {"example.1", 0, false},
      {"example.08", 0, false},
      {"example.0x", 0, false},
      {"example.0X7f", 0, false},
      {"0x1", 0, false},
      {"1", 0, false},
      {"*.example", 0, false},
      {"[::1]", 0, false},
      // 63 and 64 octets.
      {"a23456789.b23456789012345678901234567890123456789012345678901234567890"
       "123.example",
       0, true},
      {"a23456789.b23456789012345678901234567890123456789012345678901234567890"
       "1234.example",
       0, false},
  };
  SSL_CTX *ctx = new_ctx();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct recipe recipe = {.public_name = kCases[i].name,
                            .public_name_len = kCases[i].len};
    uint8_t list[kMaxLen];
    size_t len = make_list(list, &recipe, 1);
    size_t offset = 0;
    struct ech_config_entry entry;
    cr_assert(ech_config_list_next(list, len, &offset, &entry));
    enum ech_config_verdict verdict =
        kCases[i].usable ? ECH_CONFIG_USABLE : ECH_CONFIG_BAD_PUBLIC_NAME;
    cr_expect_eq(entry.verdict, verdict, "%s", kCases[i].name);
    cr_expect_eq(offers_ech(ctx, list, len), kCases[i].usable, "%s",
                 kCases[i].name);
  }
  SSL_CTX_free(ctx);
}

Test(config_list, shows_a_bad_public_name_without_control_characters) {
  struct recipe recipe = {.public_name = "a.\033[2J\0x y",
                          .public_name_len = 10};
  uint8_t list[kMaxLen];
  size_t len = make_list(list, &recipe, 1);
  size_t offset = 0;
  struct ech_config_entry entry;
  cr_assert(ech_config_list_next(list, len, &offset, &entry));
  cr_expect_str_eq(entry.public_name, "a.?[2J?x?y");
}

Test(config_list, takes_a_public_name_of_255_octets) {
  char name[256];
  memset(name, 'a', sizeof(name));
  for (size_t i = 50; i < 255; i += 51) {
    name[i] = '.';
  }
  name[254] = 'b';
  struct recipe recipe = {.public_name = name, .public_name_len = 255};
  uint8_t list[kMaxLen];
  size_t len = make_list(list, &recipe, 1);
  struct ech_config_entry entry;
  cr_assert(ech_config_list_usable(list, len, &entry));
  cr_expect_eq(strlen(entry.public_name), 255);
}

static void expect_same_form(void *ctx, const uint8_t *list, size_t len) {
  struct ech_config_entry entry;
  bool ours = ech_config_list_well_formed(list, len);
  if (ours != boringssl_takes(ctx, list, len)) {
    cr_assert_fail("we say %s", ours ? "well-formed" : "malformed");
  }
  if (!ours && ech_config_list_usable(list, len, &entry)) {
    cr_assert_fail("usable but malformed");
  }
}

Test(config_list, agrees_with_boringssl_on_what_is_well_formed) {
  uint8_t list[kMaxLen];
  SSL_CTX *ctx = new_ctx();
  size_t len = make_rich_list(list);
  cr_assert(ech_config_list_well_formed(list, len));
  mutate_truncate(list, len, expect_same_form, ctx);
  mutate_insert(list, len, expect_same_form, ctx);
  mutate_change(list, len, expect_same_form, ctx);
  SSL_CTX_free(ctx);
}

static void expect_same_use(void *ctx, const uint8_t *list, size_t len) {
  struct ech_config_entry entry;
  uint8_t narrow[kMaxLen];
  size_t narrow_len;
  if (!ech_config_list_well_formed(list, len)) {
    return;
  }
  bool ours = ech_config_list_usable(list, len, &entry);
  if (!ours && offers_ech(ctx, list, len)) {
    cr_assert_fail("BoringSSL finds an entry where we do not");
  }
  if (ours && (!ech_config_list_narrow(narrow, &narrow_len, list, len) ||
               !offers_ech(ctx, narrow, narrow_len))) {
    cr_assert_fail("BoringSSL does not use what we find usable");
  }
}

Test(config_list, finds_usable_exactly_what_boringssl_uses) {
  uint8_t list[kMaxLen];
  SSL_CTX *ctx = new_ctx();
  static const struct recipe kRecipe = {.extensions = "\x12\x34\0\2hi",
                                        .extensions_len = 6};
  size_t len = make_list(list, &kRecipe, 1);
  expect_same_use(ctx, list, len);
  mutate_flip(list, len, expect_same_use, ctx);
  len = make_rich_list(list);
  mutate_flip(list, len, expect_same_use, ctx);
  SSL_CTX_free(ctx);
}

Test(config_list, shows_the_fields_of_an_entry) {
  uint8_t list[kMaxLen];
  struct ech_config_entry entry;
  const struct recipe recipe = {.suites = "\0\1\0\1\0\1\0\3",
                                .suites_len = 8,
                                .extensions = "\0\5\0\1x",
                                .extensions_len = 5};
  size_t offset = 0;
  size_t len = make_list(list, &recipe, 1);
  cr_assert(ech_config_list_next(list, len, &offset, &entry));
  cr_assert_eq(entry.public_key_len, 32);
  cr_assert_arr_eq(entry.public_key, kKey, 32);
  cr_assert_eq(entry.suites_len, 8);
  cr_assert_arr_eq(entry.suites, recipe.suites, 8);
  cr_assert_eq(entry.extensions_len, 5);
  cr_assert_arr_eq(entry.extensions, recipe.extensions, 5);
}

// Each fault is where the octet is that was changed to `value`.
Test(config_list, says_where_a_list_is_malformed) {
  static const struct {
    size_t at;
    uint8_t value;
    size_t offset;
    const char *expected;
  } kFaults[] = {
      {1, 0, 2, "the end of the ECHConfigList"},
      {1, 255, 0, "an ECHConfigList after its length"},
      {4, 1, 4, "an ECHConfig after its length"},
      {10, 0, 9, "a public_key after its length"},
      {9, 255, 9, "a public_key after its length"},
      {44, 3, 43, "cipher_suites"},
      {44, 0, 43, "cipher_suites"},
      {50, 0, 50, "a public_name of 1 to 255"},
      {50, 255, 50, "a public_name of 1 to 255"},
      {66, 255, 65, "the extensions after their length"},
      {66, 1, 68, "the end of the ECHConfig"},
      {70, 1, 69, "an extension's value after its length"},
  };
  uint8_t list[kMaxLen];
  struct ech_config_fault fault;
  const struct recipe recipe = {.extensions = "\0\5\0\0", .extensions_len = 4};
  size_t len = make_list(list, &recipe, 1);
  cr_assert_not(ech_config_list_find_fault(list, len, &fault));
  for (size_t i = 0; i < sizeof(kFaults) / sizeof(kFaults[0]); i++) {
    uint8_t kept = list[kFaults[i].at];
    list[kFaults[i].at] = kFaults[i].value;
    cr_assert(ech_config_list_find_fault(list, len, &fault), "%zu", i);
    cr_expect(strstr(fault.expected, kFaults[i].expected), "%zu: %s at %zu", i,
              fault.expected, fault.offset);
    cr_expect_eq(fault.offset, kFaults[i].offset, "%zu: %s at %zu", i,
                 fault.expected, fault.offset);
    list[kFaults[i].at] = kept;
  }
  cr_assert(ech_config_list_find_fault(list, 0, &fault));
  cr_assert_eq(fault.offset, 0);
  static const uint8_t kEmpty[] = {0, 0};
  cr_assert(ech_config_list_find_fault(kEmpty, 2, &fault));
  cr_assert_str_eq(fault.expected, "an ECHConfig");
}

static void finds_a_fault_when_malformed(void *owner, const uint8_t *list,
                                         size_t len) {
  struct ech_config_fault fault;
  size_t *num = owner;
  bool found = ech_config_list_find_fault(list, len, &fault);
  cr_assert_eq(found, !ech_config_list_well_formed(list, len));
  cr_assert(!found || fault.offset <= len);
  *num += found;
}

Test(config_list, finds_a_fault_exactly_where_there_is_one) {
  uint8_t list[kMaxLen];
  size_t num = 0;
  const struct recipe recipes[2] = {
      {.extensions = "\0\5\0\0", .extensions_len = 4}, {.version = 1}};
  size_t len = make_list(list, recipes, 2);
  mutate_truncate(list, len, finds_a_fault_when_malformed, &num);
  cr_assert_eq(num, len);
  mutate_change(list, len, finds_a_fault_when_malformed, &num);
  mutate_insert(list, len, finds_a_fault_when_malformed, &num);
  cr_assert_gt(num, 2 * len);
}
