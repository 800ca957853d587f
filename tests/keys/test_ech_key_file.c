#include "keys/ech_key_file.h"

#include <criterion/criterion.h>
#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>

#include "keys/base64_text.h"
#include "keys/ech_key.h"
#include "keys/ech_key_output.h"
#include "keys/hpke_names.h"
#include "keys/support.h"

static const enum ech_key_format kKeyFormats[] = {ECH_KEY_PEM, ECH_KEY_GO,
                                                  ECH_KEY_NSS, ECH_KEY_RAW};
enum { kNumKeyFormats = sizeof(kKeyFormats) / sizeof(kKeyFormats[0]) };

static struct ech_key *new_key(void) {
  struct key_error error;
  struct ech_key *key = ech_key_generate("public.example", 64, &error);
  cr_assert(key != NULL, "%s", error.text);
  return key;
}

static struct ech_key_file new_file(void) {
  struct ech_key_file file;
  struct ech_key *key = new_key();
  cr_assert(ech_key_to_file(key, &file));
  ech_key_free(key);
  return file;
}

static struct ech_key_file must_read(const uint8_t *data, size_t len) {
  struct ech_key_file file;
  struct key_error error = {""};
  cr_assert(ech_key_file_read(&file, data, len, &error), "%s", error.text);
  return file;
}

static struct ech_key_output must_write(const struct ech_key_file *file,
                                        enum ech_key_format format) {
  struct ech_key_output output;
  struct key_error error = {""};
  cr_assert(ech_key_output_make(&output, file, format, &error), "%s: %s",
            ech_key_format_str(format), error.text);
  return output;
}

// read_output reads what was written, the second file too when it is needed.
static struct ech_key_file read_output(const struct ech_key_output *output) {
  struct key_error error = {""};
  struct ech_key_file file = must_read(output->key, output->key_len);
  if (file.list == NULL) {
    struct ech_key_file config = must_read(output->config, output->config_len);
    cr_assert(ech_key_file_add_config(&file, &config, &error), "%s",
              error.text);
    ech_key_file_cleanup(&config);
  }
  return file;
}

static void assert_same_output(const struct ech_key_output *a,
                               const struct ech_key_output *b) {
  cr_assert_eq(a->key_len, b->key_len);
  cr_assert_arr_eq(a->key, b->key, a->key_len);
  cr_assert_eq(a->config_len, b->config_len);
  cr_assert(a->config_len == 0 ||
            memcmp(a->config, b->config, a->config_len) == 0);
}

// Reads the wrong thing and returns the message.
static const char *refusal(const void *data, size_t len) {
  static struct key_error error;
  struct ech_key_file file;
  error.text[0] = '\0';
  cr_assert_not(ech_key_file_read(&file, data, len, &error));
  ech_key_file_cleanup(&file);
  cr_assert(strchr(error.text, '\n') == NULL);
  return error.text;
}

static const char *refusal_of_text(const char *text) {
  return refusal(text, strlen(text));
}

Test(ech_key_file, says_which_format_it_has_read) {
  struct ech_key_file made = new_file();
  for (int i = 0; i < kNumKeyFormats; i++) {
    struct ech_key_output output = must_write(&made, kKeyFormats[i]);
    struct ech_key_file file = read_output(&output);
    cr_expect_eq(file.format, kKeyFormats[i]);
    cr_expect_eq(file.num_keys, 1);
    cr_expect_eq(file.keys[0].kem_id, kHpkeKemX25519);
    cr_expect_eq(file.keys[0].len, 32);
    cr_expect_arr_eq(file.keys[0].bytes, made.keys[0].bytes, 32);
    cr_expect_eq(file.list_len, made.list_len);
    cr_expect_arr_eq(file.list, made.list, made.list_len);
    ech_key_file_cleanup(&file);
    ech_key_output_cleanup(&output);
  }
  ech_key_file_cleanup(&made);
  cr_assert(no_leaks());
}

// From each format to each other one and back: not one octet changes.
Test(ech_key_file, survives_the_way_through_every_pair_of_formats) {
  struct ech_key_file made = new_file();
  for (int i = 0; i < kNumKeyFormats; i++) {
    struct ech_key_output first = must_write(&made, kKeyFormats[i]);
    for (int j = 0; j < kNumKeyFormats; j++) {
      struct ech_key_file file = read_output(&first);
      struct ech_key_output between = must_write(&file, kKeyFormats[j]);
      ech_key_file_cleanup(&file);
      file = read_output(&between);
      struct ech_key_output last = must_write(&file, kKeyFormats[i]);
      assert_same_output(&first, &last);
      ech_key_file_cleanup(&file);
      ech_key_output_cleanup(&between);
      ech_key_output_cleanup(&last);
    }
    ech_key_output_cleanup(&first);
  }
  ech_key_file_cleanup(&made);
  cr_assert(no_leaks());
}

// join makes a file of the keys and configurations of both, as GO holds them.
static struct ech_key_file join(const struct ech_key_file *a,
                                const struct ech_key_file *b) {
  struct ech_key_file joined = {
      .format = ECH_KEY_GO,
      .keys = OPENSSL_malloc(2 * sizeof(*joined.keys)),
      .num_keys = 2,
  };
  CBB cbb, list;
  joined.keys[0] = a->keys[0];
  joined.keys[1] = b->keys[0];
  cr_assert(CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &list) &&
            CBB_add_bytes(&list, a->list + 2, a->list_len - 2) &&
            CBB_add_bytes(&list, b->list + 2, b->list_len - 2) &&
            CBB_finish(&cbb, &joined.list, &joined.list_len));
  return joined;
}

Test(ech_key_file, keeps_several_keys_and_configurations_where_there_is_room) {
  struct key_error error;
  struct ech_key_output output;
  struct ech_key_file a = new_file();
  struct ech_key_file b = new_file();
  struct ech_key_file both = join(&a, &b);
  struct ech_key_output go = must_write(&both, ECH_KEY_GO);
  struct ech_key_file read = read_output(&go);
  cr_assert_eq(read.num_keys, 2);
  cr_assert_eq(read.list_len, both.list_len);
  struct ech_key_output again = must_write(&read, ECH_KEY_GO);
  assert_same_output(&go, &again);
  for (int i = 0; i < kNumKeyFormats; i++) {
    if (kKeyFormats[i] != ECH_KEY_GO) {
      cr_expect_not(
          ech_key_output_make(&output, &both, kKeyFormats[i], &error));
      cr_expect(strstr(error.text, "no more than one key"), "%s", error.text);
    }
  }
  // A PEM file for one key publishes both, as servers do while keys change.
  both.num_keys = 1;
  both.format = ECH_KEY_PEM;
  struct ech_key_output pem = must_write(&both, ECH_KEY_PEM);
  struct ech_key_file pem_read = read_output(&pem);
  cr_assert_eq(pem_read.list_len, both.list_len);
  struct ech_key_output nss = must_write(&pem_read, ECH_KEY_NSS);
  struct ech_key_file nss_read = read_output(&nss);
  struct ech_key_output pem_again = must_write(&nss_read, ECH_KEY_PEM);
  assert_same_output(&pem, &pem_again);
  cr_assert_not(ech_key_output_make(&output, &pem_read, ECH_KEY_RAW, &error));
  cr_assert(strstr(error.text, "no more than one configuration"));
  struct ech_key_output *outputs[] = {&go, &again, &pem, &nss, &pem_again};
  struct ech_key_file *files[] = {&a, &b, &both, &read, &pem_read, &nss_read};
  for (int i = 0; i < 5; i++) {
    ech_key_output_cleanup(outputs[i]);
  }
  for (int i = 0; i < 6; i++) {
    ech_key_file_cleanup(files[i]);
  }
  cr_assert(no_leaks());
}

// What a server would take for its own, and clients would be refused with.
Test(ech_key_file, finds_keys_that_stand_with_the_wrong_configuration) {
  struct key_error error;
  struct ech_key_output output;
  struct ech_key_file a = new_file();
  struct ech_key_file b = new_file();
  struct ech_key_file both = join(&a, &b);
  struct ech_private_key kept = both.keys[0];
  both.keys[0] = both.keys[1];
  both.keys[1] = kept;
  cr_assert_not(ech_key_output_make(&output, &both, ECH_KEY_GO, &error));
  cr_assert(strstr(error.text, "belongs to the private key"));
  a.keys[0] = b.keys[0];
  cr_assert_not(ech_key_output_make(&output, &a, ECH_KEY_PEM, &error));
  cr_assert(strstr(error.text, "belongs to the private key"));
  ech_key_file_cleanup(&a);
  ech_key_file_cleanup(&b);
  ech_key_file_cleanup(&both);
  cr_assert(no_leaks());
}

Test(ech_key_file, refuses_published_configurations_that_have_no_key) {
  struct ech_key_file a = new_file();
  struct ech_key_file b = new_file();
  struct ech_key_output a_go = must_write(&a, ECH_KEY_GO);
  struct ech_key_output b_go = must_write(&b, ECH_KEY_GO);
  char text[4096];
  // The configurations first, as sing-box prints them.
  int len = snprintf(text, sizeof(text), "%.*s%.*s", (int)a_go.config_len,
                     a_go.config, (int)a_go.key_len, a_go.key);
  struct ech_key_file good = must_read((uint8_t *)text, (size_t)len);
  cr_assert_eq(good.format, ECH_KEY_GO);
  cr_assert_eq(good.num_keys, 1);
  snprintf(text, sizeof(text), "%.*s%.*s", (int)b_go.config_len, b_go.config,
           (int)a_go.key_len, a_go.key);
  cr_assert(strstr(refusal_of_text(text), "ECH KEYS has no key for"));
  ech_key_file_cleanup(&good);
  ech_key_file_cleanup(&a);
  ech_key_file_cleanup(&b);
  ech_key_output_cleanup(&a_go);
  ech_key_output_cleanup(&b_go);
  cr_assert(no_leaks());
}

// RFC 9934, section 3: one key at most, and before its configuration.
Test(ech_key_file, refuses_a_second_private_key) {
  struct ech_key_file made = new_file();
  struct ech_key_output pem = must_write(&made, ECH_KEY_PEM);
  char text[4096] = "";
  strncat(text, (char *)pem.key, pem.key_len);
  *strstr(text, "-----BEGIN ECHCONFIG") = '\0';
  size_t key_len = strlen(text);
  strncat(text, (char *)pem.key, pem.key_len);
  char where[64];
  snprintf(where, sizeof(where), "at byte %zu: a PRIVATE KEY block", key_len);
  const char *message = refusal_of_text(text);
  cr_assert(strstr(message, where), "%s", message);
  // What follows the configuration does not count, whatever it is.
  strcpy(text, "");
  strncat(text, (char *)pem.key, pem.key_len);
  strcat(text, "-----BEGIN PRIVATE KEY-----\n!\n");
  struct ech_key_file file = must_read((uint8_t *)text, strlen(text));
  cr_assert_eq(file.num_keys, 1);
  ech_key_file_cleanup(&file);
  ech_key_file_cleanup(&made);
  ech_key_output_cleanup(&pem);
  cr_assert(no_leaks());
}

// Only configurations, in each of their forms.
Test(ech_key_file, reads_configurations_alone) {
  struct ech_key_file made = new_file();
  struct ech_key_output go = must_write(&made, ECH_KEY_GO);
  struct ech_key_output raw = must_write(&made, ECH_KEY_RAW);
  struct ech_key_output pem = must_write(&made, ECH_KEY_PEM);
  struct ech_key_output list = must_write(&made, ECH_KEY_LIST);
  char hex[1024];
  for (size_t i = 0; i < made.list_len; i++) {
    snprintf(hex + 2 * i, 3, "%02X", made.list[i]);
  }
  const char *only_config = strstr((char *)pem.key, "-----BEGIN ECHCONFIG");
  const struct {
    const void *data;
    size_t len;
    enum ech_key_format format;
  } kForms[] = {
      {go.config, go.config_len, ECH_KEY_GO},
      {raw.config, raw.config_len, ECH_KEY_RAW},
      {only_config, pem.key_len - (size_t)(only_config - (const char *)pem.key),
       ECH_KEY_PEM},
      {list.key, list.key_len, ECH_KEY_LIST},
      {made.list, made.list_len, ECH_KEY_LIST},
      {hex, strlen(hex), ECH_KEY_LIST},
  };
  for (size_t i = 0; i < sizeof(kForms) / sizeof(kForms[0]); i++) {
    struct ech_key_file file = must_read(kForms[i].data, kForms[i].len);
    cr_expect_eq(file.format, kForms[i].format, "%zu", i);
    cr_expect_eq(file.num_keys, 0, "%zu", i);
    cr_assert_eq(file.list_len, made.list_len);
    cr_assert_arr_eq(file.list, made.list, made.list_len);
    ech_key_file_cleanup(&file);
  }
  ech_key_output_cleanup(&go);
  ech_key_output_cleanup(&raw);
  ech_key_output_cleanup(&pem);
  ech_key_output_cleanup(&list);
  ech_key_file_cleanup(&made);
  cr_assert(no_leaks());
}

// Xray has the contents of ECH KEYS in base64 in its JSON, without PEM.
Test(ech_key_file, reads_go_keys_in_plain_base64) {
  struct ech_key_file made = new_file();
  struct ech_key_output go = must_write(&made, ECH_KEY_GO);
  char text[1024] = "";
  strncat(text, (char *)go.key, go.key_len);
  char *body = strchr(text, '\n') + 1;
  *strstr(body, "-----END") = '\0';
  struct ech_key_file file = must_read((uint8_t *)body, strlen(body));
  cr_assert_eq(file.format, ECH_KEY_GO);
  cr_assert_eq(file.num_keys, 1);
  ech_key_file_cleanup(&file);
  ech_key_file_cleanup(&made);
  ech_key_output_cleanup(&go);
  cr_assert(no_leaks());
}

// Some editors write one. The key is the first block.
Test(ech_key_file, loses_no_key_behind_a_byte_order_mark) {
  struct ech_key_file file = new_file();
  struct ech_key_output pem = must_write(&file, ECH_KEY_PEM);
  struct key_error error = {""};
  size_t len = pem.key_len + 3;
  uint8_t *marked = OPENSSL_malloc(len);
  memcpy(marked, "\xef\xbb\xbf", 3);
  memcpy(marked + 3, pem.key, pem.key_len);
  ech_key_file_cleanup(&file);
  cr_expect_not(ech_key_file_read(&file, marked, len, &error));
  cr_expect(strstr(error.text, "at byte 0: a byte order mark"), "%s",
            error.text);
  ech_key_file_cleanup(&file);
  OPENSSL_free(marked);
  ech_key_output_cleanup(&pem);
  cr_assert(no_leaks());
}

Test(ech_key_file, says_at_which_byte_junk_goes_wrong) {
  static const struct {
    const char *text;
    const char *where;
  } kJunk[] = {
      {"", "empty: "},
      {" \r\n\t\n", "empty: "},
      {"AAAA AA!A", "at byte 7: expected base64"},
      {"AAAAA", "at byte 5: expected base64"},
      {"AA==A", "at byte 4: expected base64"},
      {"AAX+DQAJAA==", "at byte 2 of 7"},
      {"/g0ACQA=", "at byte 2 of 5"},
      {"AAAAAAAA", "at byte 0 of 6"},
      {"text before\n-----BEGIN ECHCONFIG", "at byte 23: expected a PEM label"},
      {"-----BEGIN ECHCONFIG-----\nAAX", "at byte 29: expected -----END"},
      {"-----BEGIN ECHCONFIG-----\nAA_X\n-----END ECHCONFIG-----\n",
       "at byte 28: expected base64"},
      {"-----BEGIN ECHCONFIG-----\nAAXX\n-----END ECH KEYS-----\n",
       "at byte 31: expected -----END ECHCONFIG-----"},
      {"\n-----BEGIN CERTIFICATE-----\nAAXX\n-----END CERTIFICATE-----\n",
       "at byte 1: a CERTIFICATE block stands where"},
      {"-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAXX\n-----END "
       "PRIVATE KEY-----\n",
       "at byte 32: expected base64"},
      {"-----BEGIN ECH KEYS-----\nAAEBAAQ=\n-----END ECH KEYS-----\n",
       "ECH KEYS: at byte 0 of 5"},
  };
  for (size_t i = 0; i < sizeof(kJunk) / sizeof(kJunk[0]); i++) {
    const char *message = refusal_of_text(kJunk[i].text);
    cr_expect(strstr(message, kJunk[i].where), "%zu: %s", i, message);
  }
  cr_assert(strstr(refusal("\xff\xff\xff", 3), "at byte 0 of 3"));
  cr_assert(no_leaks());
}

// Whatever part of a file is there, it is read or refused, and never with a
// key whose configuration is another's.
static void check_every_part(const uint8_t *data, size_t len) {
  for (size_t cut = 0; cut < len; cut++) {
    struct ech_key_file file;
    struct key_error error = {""};
    uint8_t *copy = malloc(cut + 1);
    memcpy(copy, data, cut);
    if (!ech_key_file_read(&file, copy, cut, &error)) {
      cr_assert(error.text[0] != '\0');
    }
    free(copy);
    ech_key_file_cleanup(&file);
  }
}

Test(ech_key_file, takes_any_truncation) {
  struct ech_key_file made = new_file();
  for (int i = 0; i < kNumKeyFormats; i++) {
    struct ech_key_output output = must_write(&made, kKeyFormats[i]);
    check_every_part(output.key, output.key_len);
    check_every_part(output.config, output.config_len);
    ech_key_output_cleanup(&output);
  }
  ech_key_file_cleanup(&made);
  cr_assert(no_leaks());
}

// NSS's form, octet by octet as its own tools write it.
Test(ech_key_file, writes_the_pkcs8_of_nss) {
  static const uint8_t kPrefix[] = {
      0x30, 0x67, 0x02, 0x01, 0x00, 0x30, 0x14, 0x06, 0x07, 0x2a, 0x86, 0x48,
      0xce, 0x3d, 0x02, 0x01, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda,
      0x47, 0x0f, 0x01, 0x04, 0x4c, 0x30, 0x4a, 0x02, 0x01, 0x01, 0x04, 0x20};
  static const uint8_t kMiddle[] = {0xa1, 0x23, 0x03, 0x21, 0x00};
  struct ech_key_file made = new_file();
  struct ech_key_output nss = must_write(&made, ECH_KEY_NSS);
  uint8_t *data, public_key[32];
  size_t len, bad;
  cr_assert_eq(nss.key[nss.key_len - 1], '\n');
  cr_assert(memchr(nss.key, '\n', nss.key_len - 1) == NULL, "one line");
  cr_assert(
      base64_text_decode(&data, &len, &bad, (char *)nss.key, nss.key_len));
  const uint8_t *der = data + 2;
  X25519_public_from_private(public_key, made.keys[0].bytes);
  cr_assert_eq(data[0] << 8 | data[1], 105);
  cr_assert_arr_eq(der, kPrefix, sizeof(kPrefix));
  cr_assert_arr_eq(der + 36, made.keys[0].bytes, 32);
  cr_assert_arr_eq(der + 68, kMiddle, sizeof(kMiddle));
  cr_assert_arr_eq(der + 73, public_key, 32);
  cr_assert_arr_eq(data + 2 + 105, made.list, made.list_len);
  OPENSSL_free(data);
  ech_key_file_cleanup(&made);
  ech_key_output_cleanup(&nss);
  cr_assert(no_leaks());
}

// BoringSSL of Debian has no P-256 for HPKE, upstream's has.
Test(ech_key_file, holds_p256_in_pem_and_go_where_boringssl_has_it) {
  struct ech_key_spec spec;
  struct key_error error;
  struct ech_key_output output;
  struct ech_key_file file;
  ech_key_spec_init(&spec, "public.example");
  spec.kem_id = kHpkeKemP256;
  struct ech_key *key = ech_key_new(&spec, &error);
  cr_assert_eq(key != NULL, hpke_names_get_kem(kHpkeKemP256) != NULL);
  if (key == NULL) {
    cr_assert(strstr(error.text, "no such KEM"));
    return;
  }
  cr_assert(ech_key_to_file(key, &file));
  struct ech_key_output pem = must_write(&file, ECH_KEY_PEM);
  struct ech_key_output go = must_write(&file, ECH_KEY_GO);
  struct ech_key_file pem_read = read_output(&pem);
  struct ech_key_file go_read = read_output(&go);
  cr_assert_eq(pem_read.keys[0].kem_id, kHpkeKemP256);
  cr_assert_eq(go_read.keys[0].kem_id, kHpkeKemP256);
  cr_assert_arr_eq(pem_read.keys[0].bytes, file.keys[0].bytes, 32);
  cr_assert_arr_eq(go_read.keys[0].bytes, file.keys[0].bytes, 32);
  cr_assert_not(ech_key_output_make(&output, &file, ECH_KEY_NSS, &error));
  cr_assert(strstr(error.text, "x25519 only"));
  // BoringSSL's server takes such a key.
  ech_key_free(key);
  key = ech_key_from_file(&pem_read, &error);
  cr_assert(key != NULL, "%s", error.text);
  ech_key_free(key);
  ech_key_file_cleanup(&file);
  ech_key_file_cleanup(&pem_read);
  ech_key_file_cleanup(&go_read);
  ech_key_output_cleanup(&pem);
  ech_key_output_cleanup(&go);
  cr_assert(no_leaks());
}
