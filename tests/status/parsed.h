// parsed reads the JSON that the program wrote, and finds members by their
// path.

#ifndef ECHPROXY_TESTS_STATUS_PARSED_H
#define ECHPROXY_TESTS_STATUS_PARSED_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

// parsed_new parses `text` of `len` octets, which it frees. It must be one
// line, as server-sent events need. Released with json_decref.
static inline json_t *parsed_new(char *text, size_t len) {
  json_error_t error;
  cr_assert_eq(strlen(text), len);
  cr_assert_eq(strpbrk(text, "\r\n"), NULL);
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  cr_assert_neq(root, NULL, "%s: %s", error.text, text);
  free(text);
  return root;
}

// parsed_at returns the member "a.b.c" of `root`, borrowed. It must be there.
static inline const json_t *parsed_at(const json_t *root, const char *path) {
  while (root != NULL && *path != '\0') {
    size_t len = strcspn(path, ".");
    char key[64];
    cr_assert_lt(len, sizeof(key));
    memcpy(key, path, len);
    key[len] = '\0';
    root = json_object_get(root, key);
    cr_assert_neq(root, NULL, "%s", key);
    path += len + (path[len] == '.');
  }
  return root;
}

static inline void parsed_expect_text(const json_t *root, const char *path,
                                      const char *wanted) {
  const char *text = json_string_value(parsed_at(root, path));
  cr_assert_neq(text, NULL, "%s", path);
  cr_expect_str_eq(text, wanted, "%s: %s", path, text);
}

static inline void parsed_expect_number(const json_t *root, const char *path,
                                        double wanted) {
  const json_t *value = parsed_at(root, path);
  cr_assert(json_is_number(value), "%s", path);
  cr_expect_float_eq(json_number_value(value), wanted, 0.0001, "%s", path);
}

static inline void parsed_expect_null(const json_t *root, const char *path) {
  cr_expect(json_is_null(parsed_at(root, path)), "%s", path);
}

#endif
