#include "proxy/command_inspect.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include <sysexits.h>

#include "keys/base64_text.h"
#include "keys/ech_key.h"
#include "keys/ech_key_output.h"
#include "keys/hpke_names.h"
#include "keys/secret_file.h"
#include "keys/support.h"
#include "proxy/command_bed.h"

static int run(const char *line) {
  return command_bed_run(command_inspect, "inspect", line);
}

static int run_word(const char *word) {
  char *argv[] = {"inspect", (char *)word, NULL};
  cr_assert(freopen("out", "w", stdout) != NULL);
  cr_assert(freopen("err", "w", stderr) != NULL);
  int code = command_inspect(2, argv);
  fflush(stdout);
  fflush(stderr);
  return code;
}

static void put_octets(const char *path, const void *data, size_t len) {
  struct key_error error;
  cr_assert(
      secret_file_write(path, data, len, SECRET_FILE_PRIVATE, true, &error),
      "%s", error.text);
}

static struct ech_key_file new_file(void) {
  struct ech_key_file file;
  struct key_error error;
  struct ech_key *key = ech_key_generate("public.example", 64, &error);
  cr_assert(key != NULL && ech_key_to_file(key, &file));
  ech_key_free(key);
  return file;
}

static void put_key(const char *path, const struct ech_key_file *file,
                    enum ech_key_format format) {
  struct ech_key_output output;
  struct key_error error;
  char beside[64];
  cr_assert(ech_key_output_make(&output, file, format, &error), "%s",
            error.text);
  put_octets(path, output.key, output.key_len);
  if (output.config != NULL) {
    snprintf(beside, sizeof(beside), "%s.config", path);
    put_octets(beside, output.config, output.config_len);
  }
  ech_key_output_cleanup(&output);
}

static json_t *out_json(void) {
  char *text = get_file("out");
  json_t *json = json_loads(text, 0, NULL);
  cr_assert(json != NULL, "%s", text);
  free(text);
  return json;
}

static const char *text_of(const json_t *object, const char *name) {
  return json_string_value(json_object_get(object, name));
}

static json_t *entry_of(const json_t *json, size_t i) {
  return json_array_get(json_object_get(json, "configurations"), i);
}

// The private key must be in nothing that is printed, in any encoding.
static void expect_no_secret(const struct ech_private_key *key) {
  char hex[65];
  for (size_t i = 0; i < 32; i++) {
    snprintf(hex + 2 * i, 3, "%02x", key->bytes[i]);
  }
  char *base64 = base64_text_encode(key->bytes, 30);
  cr_expect_not(printed("out", hex));
  cr_expect_not(printed("out", base64));
  cr_expect_not(printed("err", hex));
  cr_expect_not(printed("err", base64));
  OPENSSL_free(base64);
}

Test(command_inspect, reads_what_keygen_writes) {
  static const enum ech_key_format kFormats[] = {ECH_KEY_PEM, ECH_KEY_GO,
                                                 ECH_KEY_NSS, ECH_KEY_RAW};
  struct scratch scratch = enter_scratch();
  struct ech_key_file file = new_file();
  for (int i = 0; i < 4; i++) {
    char line[64];
    const char *name = ech_key_format_str(kFormats[i]);
    put_key(name, &file, kFormats[i]);
    snprintf(line, sizeof(line), "%s --json", name);
    cr_expect_eq(run(line), EX_OK, "%s", name);
    expect_no_secret(&file.keys[0]);
    json_t *json = out_json();
    json_t *key = json_array_get(json_object_get(json, "keys"), 0);
    cr_expect_str_eq(text_of(json, "format"), name);
    cr_expect_str_eq(text_of(key, "state"), "belongs");
    cr_expect_str_eq(text_of(key, "kem"), "x25519");
    cr_expect_eq(json_integer_value(json_object_get(key, "configuration")), 0);
    cr_expect(json_is_true(json_object_get(entry_of(json, 0), "usable")));
    json_decref(json);
    cr_expect_eq(run(name), EX_OK);
    expect_no_secret(&file.keys[0]);
    cr_expect(printed("out", "GOOD: a client would use configuration 1"));
  }
  ech_key_file_cleanup(&file);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// The example of RFC 9848, as a record's ech.
#define EXAMPLE                                                              \
  "AEj+DQBEAQAgACAdd+scUi0IYFsXnUIU7ko2Nd9+F8M26pAGZVpz/KrWPgAEAAEAAWQVZWNo" \
  "LXNpdGVzLmV4YW1wbGUubmV0AAA="

Test(command_inspect, prints_every_field) {
  struct scratch scratch = enter_scratch();
  cr_assert_eq(run("ech=" EXAMPLE " --json"), EX_OK);
  json_t *json = out_json();
  json_t *entry = entry_of(json, 0);
  json_t *suite = json_array_get(json_object_get(entry, "cipher_suites"), 0);
  cr_assert_str_eq(text_of(json, "format"), "record");
  cr_assert(json_is_true(json_object_get(json, "good")));
  cr_assert_eq(json_array_size(json_object_get(json, "keys")), 0);
  cr_assert_eq(json_integer_value(json_object_get(entry, "version")), 0xfe0d);
  cr_assert_eq(json_integer_value(json_object_get(entry, "config_id")), 1);
  cr_assert_eq(json_integer_value(json_object_get(entry, "kem_id")), 32);
  cr_assert_str_eq(
      text_of(entry, "public_key"),
      "1d77eb1c522d08605b179d4214ee4a3635df7e17c336ea9006655a73fcaad63e");
  cr_assert_str_eq(text_of(suite, "kdf"), "hkdf-sha256");
  cr_assert_str_eq(text_of(suite, "aead"), "aes-128-gcm");
  cr_assert_eq(
      json_integer_value(json_object_get(entry, "maximum_name_length")), 100);
  cr_assert_str_eq(text_of(entry, "public_name"), "ech-sites.example.net");
  cr_assert_eq(json_array_size(json_object_get(entry, "extensions")), 0);
  json_decref(json);
  cr_assert_eq(run(EXAMPLE), EX_OK);
  cr_assert(printed("out", "ech-sites.example.net"));
  cr_assert(printed("out", "hkdf-sha256,aes-128-gcm"));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// The same list: as a file in three forms, a zone line, RFC 3597's form.
Test(command_inspect, takes_configurations_in_any_form) {
  struct scratch scratch = enter_scratch();
  uint8_t list[128];
  char hex[256], line[512];
  size_t len;
  cr_assert(EVP_DecodeBase64(list, &len, sizeof(list), (const uint8_t *)EXAMPLE,
                             strlen(EXAMPLE)));
  for (size_t i = 0; i < len; i++) {
    snprintf(hex + 2 * i, 3, "%02x", list[i]);
  }
  put_octets("binary", list, len);
  put_octets("base64", EXAMPLE "\n", strlen(EXAMPLE) + 1);
  put_octets("hex", hex, strlen(hex));
  const char *const kFiles[] = {"binary", "base64", "hex", EXAMPLE, hex};
  for (size_t i = 0; i < sizeof(kFiles) / sizeof(kFiles[0]); i++) {
    cr_expect_eq(run(kFiles[i]), EX_OK, "%s", kFiles[i]);
    cr_expect(printed("out", "Format: list"), "%s", kFiles[i]);
  }
  snprintf(line, sizeof(line), "a. 1800 IN HTTPS 1 . alpn=\"h2\" ech=%s",
           EXAMPLE);
  cr_expect_eq(run_word(line), EX_OK);
  put_octets("zone", line, strlen(line));
  cr_expect_eq(run("zone"), EX_OK);
  cr_expect(printed("out", "ech-sites.example.net"));
  snprintf(line, sizeof(line), "a. IN TYPE65 \\# %zu 0001000005%04zx%s",
           len + 7, len, hex);
  cr_expect_eq(run_word(line), EX_OK);
  cr_expect(printed("out", "ech-sites.example.net"));
  cr_assert(freopen("base64", "r", stdin) != NULL);
  cr_expect_eq(run("-"), EX_OK);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

// add puts an ECHConfig of 32 octets of key together from what differs.
static void put_list(const char *path, uint16_t version, uint16_t kem,
                     uint16_t kdf, const char *public_name,
                     uint16_t extension) {
  CBB cbb, list, contents, child;
  uint8_t *data, key[32] = {9};
  size_t len;
  cr_assert(CBB_init(&cbb, 256) && CBB_add_u16_length_prefixed(&cbb, &list) &&
            CBB_add_u16(&list, version) &&
            CBB_add_u16_length_prefixed(&list, &contents) &&
            CBB_add_u8(&contents, 1) && CBB_add_u16(&contents, kem) &&
            CBB_add_u16_length_prefixed(&contents, &child) &&
            CBB_add_bytes(&child, key, sizeof(key)) &&
            CBB_add_u16_length_prefixed(&contents, &child) &&
            CBB_add_u16(&child, kdf) && CBB_add_u16(&child, 1) &&
            CBB_add_u8(&contents, 0) &&
            CBB_add_u8_length_prefixed(&contents, &child) &&
            CBB_add_bytes(&child, (const uint8_t *)public_name,
                          strlen(public_name)) &&
            CBB_add_u16_length_prefixed(&contents, &child) &&
            CBB_add_u16(&child, extension) && CBB_add_u16(&child, 1) &&
            CBB_add_u8(&child, 7) && CBB_finish(&cbb, &data, &len));
  put_octets(path, data, len);
  OPENSSL_free(data);
}

Test(command_inspect, says_why_a_client_would_not_use_an_entry) {
  static const struct {
    uint16_t version, kem, kdf;
    const char *public_name;
    uint16_t extension;
    const char *reason;
  } kCases[] = {
      {0xfe0d, 0x20, 1, "a.example", 0x0005, NULL},
      {0xfe0a, 0x20, 1, "a.example", 0x0005, "unknown version"},
      {0xfe0d, 0x10, 1, "a.example", 0x0005, "key encapsulation"},
      {0xfe0d, 0x20, 2, "a.example", 0x0005, "no cipher suite"},
      {0xfe0d, 0x20, 1, "1.2.3.4", 0x0005, "public name"},
      {0xfe0d, 0x20, 1, "a.example", 0x8005, "mandatory extension"},
  };
  struct scratch scratch = enter_scratch();
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    put_list("list", kCases[i].version, kCases[i].kem, kCases[i].kdf,
             kCases[i].public_name, kCases[i].extension);
    bool usable = kCases[i].reason == NULL;
    cr_expect_eq(run("list"), usable ? EX_OK : 1, "%zu", i);
    cr_expect(printed("out", usable ? "would use it" : kCases[i].reason), "%zu",
              i);
    cr_expect_eq(run("list --json"), usable ? EX_OK : 1, "%zu", i);
    json_t *json = out_json();
    const char *reason = text_of(entry_of(json, 0), "reason");
    cr_expect(usable ? reason == NULL
                     : strstr(reason, kCases[i].reason) != NULL);
    json_decref(json);
  }
  cr_assert_eq(run("list --json"), 1);
  json_t *json = out_json();
  json_t *extension =
      json_array_get(json_object_get(entry_of(json, 0), "extensions"), 0);
  cr_assert(json_is_true(json_object_get(extension, "mandatory")));
  cr_assert_str_eq(text_of(extension, "value"), "07");
  json_decref(json);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_inspect, finds_a_key_and_a_configuration_of_different_keys) {
  struct scratch scratch = enter_scratch();
  struct ech_key_file a = new_file();
  struct ech_key_file b = new_file();
  put_key("a", &a, ECH_KEY_RAW);
  put_key("b", &b, ECH_KEY_RAW);
  cr_assert_eq(run("a"), EX_OK);
  cr_assert_eq(run("a --config a.config"), EX_OK);
  cr_assert_eq(run("a --config b.config"), 1);
  cr_assert(printed("out", "no configuration here is this key's"));
  cr_assert_eq(remove("a.config"), 0);
  cr_assert_eq(run("a"), 1);
  cr_assert(printed("out", "there is no configuration for it"));
  cr_assert_eq(run("a --config missing"), EX_NOINPUT);
  put_key("pem", &a, ECH_KEY_PEM);
  cr_assert_eq(run("pem --config b.config"), EX_DATAERR);
  cr_assert(printed("err", "has a configuration already"));
  ech_key_file_cleanup(&a);
  ech_key_file_cleanup(&b);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

static void add_pair(CBB *cbb, const struct ech_key_file *key,
                     const struct ech_key_file *config) {
  CBB child;
  cr_assert(CBB_add_u16_length_prefixed(cbb, &child) &&
            CBB_add_bytes(&child, key->keys[0].bytes, 32) &&
            CBB_add_u16_length_prefixed(cbb, &child) &&
            CBB_add_bytes(&child, config->list + 2, config->list_len - 2) &&
            CBB_flush(cbb));
}

// Each key has its configuration in the file, but not beside it.
Test(command_inspect,
     finds_keys_of_go_that_stand_with_another_s_configuration) {
  struct scratch scratch = enter_scratch();
  struct ech_key_file a = new_file();
  struct ech_key_file b = new_file();
  for (int swapped = 0; swapped < 2; swapped++) {
    uint8_t *pairs;
    size_t len;
    CBB cbb;
    cr_assert(CBB_init(&cbb, 256));
    add_pair(&cbb, &a, swapped ? &b : &a);
    add_pair(&cbb, &b, swapped ? &a : &b);
    cr_assert(CBB_finish(&cbb, &pairs, &len));
    char *base64 = base64_text_encode(pairs, len);
    put_octets("pairs", base64, strlen(base64));
    cr_expect_eq(run("pairs"), swapped ? 1 : EX_OK);
    cr_expect_eq(printed("out", "no configuration here is this key's"),
                 swapped == 1);
    OPENSSL_free(base64);
    OPENSSL_free(pairs);
  }
  ech_key_file_cleanup(&a);
  ech_key_file_cleanup(&b);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_inspect, says_in_one_line_at_which_byte_junk_goes_wrong) {
  static const struct {
    const char *junk;
    const char *where;
  } kJunk[] = {
      {"", "empty: no key, no configuration"},
      {"!", "at byte 0: expected base64"},
      {"1 . ech=A!", "at byte 9: expected base64"},
      {"AAAA", "at byte 0 of 3: expected"},
      {"AAb+DQACAQA=",
       "at byte 7 of the ECHConfigList of 8: expected a kem_id"},
      {"-----BEGIN ECHCONFIG-----\nAA\x1b[31m\n",
       "at byte 34: expected -----END"},
  };
  struct scratch scratch = enter_scratch();
  for (size_t i = 0; i < sizeof(kJunk) / sizeof(kJunk[0]); i++) {
    put_octets("junk", kJunk[i].junk, strlen(kJunk[i].junk));
    cr_expect_eq(run("junk"), EX_DATAERR, "%zu", i);
    char *err = get_file("err");
    cr_expect(strstr(err, kJunk[i].where), "%zu: %s", i, err);
    cr_expect(strchr(err, '\n') == err + strlen(err) - 1, "%zu: one line", i);
    cr_expect(strchr(err, '\x1b') == NULL);
    free(err);
    char *out = get_file("out");
    cr_expect_str_eq(out, "");
    free(out);
  }
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_inspect, keeps_control_characters_out_of_its_messages) {
  struct scratch scratch = enter_scratch();
  put_octets("a\nb\x1b", "!", 1);
  cr_assert_eq(mkdir("c\nd", 0700), 0);
  cr_expect_eq(run("a\nb\x1b"), EX_DATAERR);
  cr_expect(printed("err", "echproxy inspect: a?b?: at byte 0"));
  cr_expect_eq(run("c\nd"), EX_NOINPUT);
  cr_expect(printed("err", "echproxy inspect: c?d is not a regular file"));
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(command_inspect, says_that_a_file_may_not_be_seen) {
  struct scratch scratch = enter_scratch();
  cr_assert(mkdir("private", 0) == 0 && chmod(scratch.dir, 0777) == 0);
  if (geteuid() == 0) {
    cr_assert_eq(seteuid(65534), 0);
  }
  cr_expect_eq(run("private/key"), EX_NOINPUT);
  cr_expect(printed("err", "private/key: Permission denied"));
  if (getuid() == 0) {
    cr_assert_eq(seteuid(0), 0);
  }
  scratch_remove(&scratch);
}

Test(command_inspect, refuses_wrong_usage) {
  static const char *const kWrong[] = {"", "a b", "--js list", "--unknown list",
                                       "list --config"};
  struct scratch scratch = enter_scratch();
  struct ech_key_file file = new_file();
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    cr_expect_eq(run(kWrong[i]), EX_USAGE, "%s", kWrong[i]);
  }
  cr_expect_eq(run("no/such/file"), EX_DATAERR);
  cr_expect(printed("err", "there is no such file"));
  // A key on a command line is a key that everybody has seen.
  put_key("k", &file, ECH_KEY_NSS);
  char *text = get_file("k");
  cr_expect_eq(run_word(text), EX_USAGE);
  cr_expect(printed("err", "replace the key"));
  expect_no_secret(&file.keys[0]);
  free(text);
  cr_expect_eq(run("--help"), EX_OK);
  cr_expect(printed("out", "Examples:"));
  ech_key_file_cleanup(&file);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}
