#include "proxy/trust.h"

#include <errno.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/trust_store.h"
#include "net/xalloc.h"
#include "proxy/state_dir.h"

bool trust_init(struct trust *trust, struct key_error *out_error,
                const struct options *options, X509 *own_ca) {
  *trust = (struct trust){NULL, NULL};
  trust->sites = trust_store_new(options->upstream_ca, own_ca, out_error);
  if (trust->sites == NULL) {
    return false;
  }
  trust->resolvers = trust_store_new(options->resolver_ca, own_ca, out_error);
  return trust->resolvers != NULL;
}

void trust_cleanup(struct trust *trust) {
  X509_STORE_free(trust->sites);
  X509_STORE_free(trust->resolvers);
  *trust = (struct trust){NULL, NULL};
}

static char *own_ca_path(const char *state_dir) {
  static const char kFile[] = "/ca.pem";
  char *dir = state_dir_path(state_dir);
  if (dir == NULL) {
    return NULL;
  }
  size_t len = strlen(dir);
  dir = xrealloc(dir, len + sizeof(kFile));
  memcpy(dir + len, kFile, sizeof(kFile));
  return dir;
}

bool trust_read_own_ca(X509 **out_ca, struct key_error *out_error,
                       const char *state_dir) {
  *out_ca = NULL;
  char *path = own_ca_path(state_dir);
  if (path == NULL) {
    return true;
  }
  bool ok = true;
  FILE *file = fopen(path, "re");
  if (file != NULL) {
    *out_ca = PEM_read_X509(file, NULL, NULL, NULL);
    fclose(file);
    ok = *out_ca != NULL;
    if (!ok) {
      key_error_set(out_error, "%s holds no certificate", path);
    }
  } else if (errno != ENOENT && errno != ENOTDIR) {
    ok = false;
    key_error_set(out_error, "%s cannot be read: %s", path, strerror(errno));
  }
  free(path);
  return ok;
}
