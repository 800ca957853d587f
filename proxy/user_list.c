#include "proxy/user_list.h"

#include <openssl/digest.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "keys/secret_file.h"
#include "net/xalloc.h"

struct digest {
  uint8_t octets[SHA256_DIGEST_LENGTH];
};

struct user_list {
  uint8_t key[32];  // of the digests, which are of no use without it
  struct digest *users;
  struct digest *names;  // while the file is read
  size_t num_users;
};

// A line of the file, without its end.
struct line {
  const uint8_t *data;
  size_t len;
  size_t number;
};

static void digest_of(struct digest *out, const struct user_list *users,
                      const uint8_t *data, size_t len) {
  unsigned out_len;
  if (HMAC(EVP_sha256(), users->key, sizeof(users->key), data, len, out->octets,
           &out_len) == NULL) {
    abort();  // out of memory, as in xalloc.h
  }
}

void user_list_free(struct user_list *users) {
  if (users == NULL) {
    return;
  }
  free(users->users);
  free(users->names);
  OPENSSL_cleanse(users, sizeof(*users));
  free(users);
}

static bool equals(const struct digest *a, const struct digest *b) {
  return CRYPTO_memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

bool user_list_has(const struct user_list *users, const uint8_t *credentials,
                   size_t len) {
  struct digest digest;
  unsigned found = 0;
  digest_of(&digest, users, credentials, len);
  for (size_t i = 0; i < users->num_users; i++) {  // all, whoever it is
    found |= (unsigned)equals(&digest, &users->users[i]);
  }
  return found != 0;
}

uint32_t user_list_hash(const struct user_list *users, const uint8_t *data,
                        size_t len) {
  struct digest digest;
  uint32_t hash;
  digest_of(&digest, users, data, len);
  memcpy(&hash, digest.octets, sizeof(hash));
  return hash;
}

// RFC 7617, section 2: no control characters. They would not arrive, either.
static bool has_control(const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++) {
    if (data[i] < 0x20 || data[i] == 0x7f) {
      return true;
    }
  }
  return false;
}

// Returns what is wrong with a line, or NULL. `name_len` is where its colon is.
static const char *fault_of(const struct line *line, size_t name_len) {
  if (name_len == line->len) {
    return "write NAME:PASSWORD";
  }
  size_t password_len = line->len - name_len - 1;
  if (name_len == 0 || password_len == 0) {
    return "neither the name nor the password can be empty";
  }
  if (name_len > kUserListMaxText || password_len > kUserListMaxText) {
    return "a name and a password have at most 255 octets each";
  }
  if (has_control(line->data, line->len)) {
    return "it has a control character in it";
  }
  if (line->data[0] == ' ' || line->data[name_len - 1] == ' ') {
    return "a name neither begins nor ends with a blank";
  }
  return NULL;
}

static bool is_known(const struct user_list *users, const struct digest *name) {
  for (size_t i = 0; i < users->num_users; i++) {
    if (equals(name, &users->names[i])) {
      return true;
    }
  }
  return false;
}

// Returns what is wrong, or NULL when the line's user is on the list.
static const char *add(struct user_list *users, const struct line *line) {
  const uint8_t *colon = memchr(line->data, ':', line->len);
  size_t name_len = colon != NULL ? (size_t)(colon - line->data) : line->len;
  const char *fault = fault_of(line, name_len);
  struct digest name;
  if (fault != NULL) {
    return fault;
  }
  digest_of(&name, users, line->data, name_len);
  if (is_known(users, &name)) {
    return "the name stands in a line before, too";
  }
  if (users->num_users == kUserListMaxUsers) {
    return "there can be at most 1000 users";
  }
  users->names[users->num_users] = name;
  digest_of(&users->users[users->num_users++], users, line->data, line->len);
  return NULL;
}

// Takes the next line off `*io_rest`. False at the end.
static bool next_line(struct line *io_line, const uint8_t **io_rest,
                      size_t *io_rest_len) {
  if (*io_rest_len == 0) {
    return false;
  }
  const uint8_t *end = memchr(*io_rest, '\n', *io_rest_len);
  size_t len = end != NULL ? (size_t)(end - *io_rest) : *io_rest_len;
  size_t used = end != NULL ? len + 1 : len;
  bool has_return = len > 0 && (*io_rest)[len - 1] == '\r';
  *io_line =
      (struct line){*io_rest, has_return ? len - 1 : len, io_line->number + 1};
  *io_rest += used;
  *io_rest_len -= used;
  return true;
}

static bool is_for_people(const struct line *line) {
  if (line->len > 0 && line->data[0] == '#') {
    return true;
  }
  for (size_t i = 0; i < line->len; i++) {
    if (line->data[i] != ' ' && line->data[i] != '\t') {
      return false;
    }
  }
  return true;
}

static bool read_lines(struct user_list *users, const char *path,
                       const uint8_t *data, size_t len,
                       struct key_error *out_error) {
  struct line line = {NULL, 0, 0};
  while (next_line(&line, &data, &len)) {
    const char *fault = is_for_people(&line) ? NULL : add(users, &line);
    if (fault != NULL) {
      key_error_set(out_error, "%s:%zu: %s", path, line.number, fault);
      return false;
    }
  }
  if (users->num_users == 0) {
    key_error_set(out_error,
                  "%s names no user; write a line NAME:PASSWORD for each",
                  path);
    return false;
  }
  return true;
}

struct user_list *user_list_read(const char *path,
                                 struct key_error *out_error) {
  uint8_t *data = NULL;
  size_t len = 0;
  if (!secret_file_read(path, kUserListMaxFile, true, &data, &len, out_error)) {
    return NULL;
  }
  struct user_list *users = xcalloc(1, sizeof(*users));
  RAND_bytes(users->key, sizeof(users->key));
  users->users = xcalloc(kUserListMaxUsers, sizeof(*users->users));
  users->names = xcalloc(kUserListMaxUsers, sizeof(*users->names));
  bool ok = read_lines(users, path, data, len, out_error);
  secret_file_free(data, len);
  free(users->names);
  users->names = NULL;
  if (!ok) {
    user_list_free(users);
    return NULL;
  }
  return users;
}
