#include "roots/nss_trace.h"

#include <openssl/digest.h>
#include <openssl/mem.h>
#include <string.h>

#include "roots/nss_database.h"

enum { kSignatureTail = 32 };

// The whole DER is not looked for: SQLite may have put other bytes over a part
// of it, or have split it between pages.

static bool subject_found(const char *dir, const struct our_root *root) {
  uint8_t *der = NULL;
  int len = i2d_X509_NAME(X509_get_subject_name(root->certificate), &der);
  bool found = len > 0 && nss_database_holds(dir, der, (size_t)len);
  OPENSSL_free(der);
  return found;
}

static bool string_found(const char *dir, const ASN1_STRING *string) {
  int len = ASN1_STRING_length(string);
  return len > 0 &&
         nss_database_holds(dir, ASN1_STRING_get0_data(string), (size_t)len);
}

static bool signature_found(const char *dir, const struct our_root *root) {
  return root->der_len > kSignatureTail &&
         nss_database_holds(dir, root->der + root->der_len - kSignatureTail,
                            kSignatureTail);
}

// NSS's trust objects name their certificate by its SHA-1.
static bool digest_found(const char *dir, const struct our_root *root) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  return X509_digest(root->certificate, EVP_sha1(), digest, &len) &&
         nss_database_holds(dir, digest, len);
}

bool nss_trace_found(const char *dir, const struct our_root *root) {
  return string_found(dir, X509_get0_serialNumber(root->certificate)) ||
         subject_found(dir, root) ||
         string_found(dir, X509_get0_pubkey_bitstr(root->certificate)) ||
         signature_found(dir, root) || digest_found(dir, root) ||
         nss_database_holds(dir, root->name, strlen(root->name));
}
