#include "roots/our_roots.h"

#include <openssl/digest.h>
#include <openssl/err.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <stdio.h>
#include <string.h>

static const char kOrganization[] = "echproxy";
static const char kLabel[] = "echproxy local CA, ";

bool our_root_init(struct our_root *root, X509 *certificate) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned digest_len;
  *root = (struct our_root){.certificate = certificate};
  X509_up_ref(certificate);
  int len = i2d_X509(certificate, &root->der);
  if (len <= 0 ||
      !X509_digest(certificate, EVP_sha256(), digest, &digest_len)) {
    return false;
  }
  root->der_len = (size_t)len;
  snprintf(root->name, sizeof(root->name),
           "echproxy-%02x%02x%02x%02x%02x%02x%02x%02x", digest[0], digest[1],
           digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]);
  return true;
}

void our_root_cleanup(struct our_root *root) {
  X509_free(root->certificate);
  OPENSSL_free(root->der);
  *root = (struct our_root){.certificate = NULL};
}

void our_roots_init(struct our_roots *roots, const struct ca_known *known,
                    const char *pem_path, bool take_foreign) {
  *roots = (struct our_roots){.has_current = known->has_current,
                              .pem_path = pem_path,
                              .take_foreign = take_foreign};
  for (size_t i = 0; i < known->num; i++) {
    if (our_root_init(&roots->known[roots->num_known],
                      known->certificates[i])) {
      roots->num_known++;
    } else {
      our_root_cleanup(&roots->known[roots->num_known]);
    }
  }
}

void our_roots_cleanup(struct our_roots *roots) {
  for (size_t i = 0; i < roots->num_known; i++) {
    our_root_cleanup(&roots->known[i]);
  }
  *roots = (struct our_roots){.num_known = 0};
}

static bool begins_with(X509_NAME *name, int nid, const char *text) {
  char value[128];
  return X509_NAME_get_text_by_NID(name, nid, value, sizeof(value)) > 0 &&
         strncmp(value, text, strlen(text)) == 0;
}

// looks_like_ours goes by the name alone, so it is only asked of certificates
// that somebody has put among their roots.
static bool looks_like_ours(const uint8_t *der, size_t len) {
  const uint8_t *in = der;
  X509 *certificate = d2i_X509(NULL, &in, (long)len);
  bool ours = false;
  if (certificate != NULL) {
    X509_NAME *name = X509_get_subject_name(certificate);
    ours = begins_with(name, NID_organizationName, kOrganization) &&
           begins_with(name, NID_commonName, kLabel);
  }
  X509_free(certificate);
  ERR_clear_error();
  return ours;
}

enum our_root_kind our_roots_kind(const struct our_roots *roots,
                                  const uint8_t *der, size_t len) {
  for (size_t i = 0; i < roots->num_known; i++) {
    const struct our_root *root = &roots->known[i];
    if (root->der_len == len && memcmp(root->der, der, len) == 0) {
      return i == 0 && roots->has_current ? OUR_ROOT_CURRENT : OUR_ROOT_FORMER;
    }
  }
  return looks_like_ours(der, len) ? OUR_ROOT_FOREIGN : OUR_ROOT_NOT;
}

bool our_roots_unwanted(const struct our_roots *roots, enum our_root_kind kind,
                        bool keep_current) {
  switch (kind) {
    case OUR_ROOT_NOT:
      return false;
    case OUR_ROOT_CURRENT:
      return !keep_current;
    case OUR_ROOT_FORMER:
      return true;
    case OUR_ROOT_FOREIGN:
      return roots->take_foreign;
  }
  return false;
}

void our_roots_view_add(struct our_roots_view *view, enum our_root_kind kind) {
  switch (kind) {
    case OUR_ROOT_NOT:
      break;
    case OUR_ROOT_CURRENT:
      view->has_current = true;
      break;
    case OUR_ROOT_FORMER:
      view->num_former++;
      break;
    case OUR_ROOT_FOREIGN:
      view->num_foreign++;
      break;
  }
}
