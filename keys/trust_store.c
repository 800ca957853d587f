#include "keys/trust_store.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/secret_file.h"

enum { kMaxFile = 32 * 1024 * 1024 };

// Where distributions keep the system's roots in one file.
static const char *const kSystemFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt",  // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",    // Fedora, RHEL
    "/etc/ssl/cert.pem",                   // Alpine, the BSDs
    "/etc/ssl/ca-bundle.pem",              // SUSE
};

// A loading of certificates into a store.
struct loading {
  X509_STORE *store;
  X509 *excluded;
  bool is_strict;   // a certificate that cannot be read is an error
  size_t num_seen;  // in the file at hand
};

static bool has_same_key(X509 *a, X509 *b) {
  return ASN1_STRING_cmp(X509_get0_pubkey_bitstr(a),
                         X509_get0_pubkey_bitstr(b)) == 0;
}

// add_certificate leaves out our own CA. One that is in the store already is no
// error.
static bool add_certificate(struct loading *loading, X509 *certificate) {
  if (loading->excluded != NULL &&
      has_same_key(certificate, loading->excluded)) {
    return true;
  }
  return X509_STORE_add_cert(loading->store, certificate) == 1;
}

// add_all returns false at a certificate that cannot be read, if that matters.
static bool add_all(struct loading *loading, BIO *bio) {
  for (;;) {
    ERR_clear_error();
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    bool ok = certificate != NULL && add_certificate(loading, certificate);
    X509_free(certificate);
    if (ok) {
      loading->num_seen++;
    } else if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
      return true;
    } else if (loading->is_strict) {
      return false;
    }
  }
}

static bool load_file(struct loading *loading, const char *path,
                      struct key_error *out_error) {
  uint8_t *data = NULL;
  size_t len = 0;
  if (!secret_file_read(path, kMaxFile, false, &data, &len, out_error)) {
    return false;
  }
  loading->num_seen = 0;
  BIO *bio = BIO_new_mem_buf(data, (int)len);
  bool ok = bio != NULL && add_all(loading, bio);
  if (!ok) {
    key_error_set(out_error,
                  "certificate %zu in %s is damaged; mend or remove it",
                  loading->num_seen + 1, path);
  } else if (loading->num_seen == 0) {
    ok = false;
    key_error_set(out_error,
                  "%s holds no certificate; name a file with certificates in "
                  "PEM form (`-----BEGIN CERTIFICATE-----`)",
                  path);
  }
  BIO_free(bio);
  secret_file_free(data, len);
  ERR_clear_error();
  return ok;
}

// find_bundle returns NULL when the system has none.
static const char *find_bundle(void) {
  for (size_t i = 0; i < sizeof(kSystemFiles) / sizeof(kSystemFiles[0]); i++) {
    if (access(kSystemFiles[i], R_OK) == 0) {
      return kSystemFiles[i];
    }
  }
  return NULL;
}

// load_system loads what there is. `*out_found` says whether that was anything.
static bool load_system(struct loading *loading, bool *out_found,
                        struct key_error *out_error) {
  const char *named = getenv("SSL_CERT_FILE");
  bool is_named = named != NULL && named[0] != '\0';
  const char *path = is_named ? named : find_bundle();
  // One odd root among the distribution's hundreds must not stop the program.
  loading->is_strict = is_named;
  *out_found = path != NULL;
  return path == NULL || load_file(loading, path, out_error);
}

static bool load_files(struct loading *loading, const char *extra_pem_file,
                       struct key_error *out_error) {
  bool found;
  if (!load_system(loading, &found, out_error)) {
    return false;
  }
  if (!found && extra_pem_file == NULL) {
    key_error_set(out_error,
                  "this system has no trust store where one is looked for; "
                  "install the package ca-certificates or set SSL_CERT_FILE");
    return false;
  }
  loading->is_strict = true;
  return extra_pem_file == NULL ||
         load_file(loading, extra_pem_file, out_error);
}

X509_STORE *trust_store_new(const char *extra_pem_file, X509 *excluded,
                            struct key_error *out_error) {
  struct loading loading = {.store = X509_STORE_new(), .excluded = excluded};
  if (loading.store == NULL) {
    key_error_set(out_error, "out of memory while loading the trust store");
    return NULL;
  }
  if (!load_files(&loading, extra_pem_file, out_error)) {
    X509_STORE_free(loading.store);
    return NULL;
  }
  return loading.store;
}
