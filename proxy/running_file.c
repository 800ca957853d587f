#include "proxy/running_file.h"

#include <openssl/mem.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "keys/base64_text.h"
#include "keys/secret_file.h"
#include "net/xalloc.h"

enum { kTokenOctets = 32, kTokenLen = kRunningTokenSize - 1 };

struct running_files {
  char token[kRunningTokenSize];
  char **paths;
  size_t num_paths;
};

void running_token_make(char out[kRunningTokenSize]) {
  uint8_t octets[kTokenOctets];
  RAND_bytes(octets, sizeof(octets));
  char *text = base64_text_encode(octets, sizeof(octets));
  if (text == NULL) {
    abort();
  }
  for (size_t i = 0; i < kTokenLen; i++) {  // without the '=' at its end
    out[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
  }
  out[kTokenLen] = '\0';
  OPENSSL_free(text);
  OPENSSL_cleanse(octets, sizeof(octets));
}

struct address running_file_address(const struct address *listen) {
  static const uint8_t kUnspecified[16] = {0};
  struct address here = *listen;
  if (memcmp(listen->ip, kUnspecified, listen->is_ipv6 ? 16 : 4) == 0) {
    address_from_ip(&here, listen->is_ipv6 ? "::1" : "127.0.0.1", listen->port);
  }
  return here;
}

static char *join(const char *dir, const char *name) {
  size_t size = strlen(dir) + strlen(name) + 2;
  char *path = xcalloc(size, 1);
  snprintf(path, size, "%s/%s", dir, name);
  return path;
}

static bool write_one(struct running_files *files, const char *dir,
                      const struct address *listen,
                      struct key_error *out_error) {
  const struct address address = running_file_address(listen);
  char name[kAddressTextSize];
  char content[kRunningTokenSize + 1];
  char *path = join(dir, address_format(name, &address));
  int len = snprintf(content, sizeof(content), "%s\n", files->token);
  bool ok = secret_file_write(path, (const uint8_t *)content, (size_t)len,
                              SECRET_FILE_PRIVATE, true, out_error);
  OPENSSL_cleanse(content, sizeof(content));
  if (ok) {
    files->paths[files->num_paths++] = path;
  } else {
    free(path);
  }
  return ok;
}

bool running_files_write(struct running_files **out, const char *state_dir,
                         const struct address *addresses, size_t num,
                         const char *token, struct key_error *out_error) {
  struct running_files *files = xcalloc(1, sizeof(*files));
  char *dir = join(state_dir, "running");
  snprintf(files->token, sizeof(files->token), "%s", token);
  files->paths = xcalloc(num, sizeof(*files->paths));
  *out = files;
  bool ok = secret_file_make_dir(dir, out_error) &&
            secret_file_check_dir(dir, out_error);
  for (size_t i = 0; ok && i < num; i++) {
    ok = write_one(files, dir, &addresses[i], out_error);
  }
  free(dir);
  return ok;
}

// Another proxy may have taken our address, and the file, since.
static bool is_ours(const struct running_files *files, const char *path) {
  struct key_error ignored;
  uint8_t *data = NULL;
  size_t len = 0;
  bool ours =
      secret_file_read(path, kRunningTokenSize, true, &data, &len, &ignored) &&
      len == kRunningTokenSize && data[kTokenLen] == '\n' &&
      CRYPTO_memcmp(data, files->token, kTokenLen) == 0;
  secret_file_free(data, len);
  return ours;
}

void running_files_remove(struct running_files *files) {
  if (files == NULL) {
    return;
  }
  for (size_t i = 0; i < files->num_paths; i++) {
    struct key_error ignored;
    if (is_ours(files, files->paths[i])) {
      // What cannot be removed is a token that is good for nothing any more.
      secret_file_remove(files->paths[i], &ignored);
    }
    free(files->paths[i]);
  }
  OPENSSL_cleanse(files->token, sizeof(files->token));
  free(files->paths);
  free(files);
}
