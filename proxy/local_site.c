#include "proxy/local_site.h"

#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "net/xalloc.h"

// Whoever has the token can tell what the key is, and not the other way round.
static void make_probe_key(struct local_site *site) {
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned mac_len = 0;
  if (HMAC(EVP_sha256(), site->token, strlen(site->token),
           (const uint8_t *)"probe", 5, mac, &mac_len) == NULL) {
    abort();
  }
  for (size_t i = 0; i < (kProbeKeySize - 1) / 2; i++) {
    snprintf(site->probe_key + 2 * i, 3, "%02x", mac[i]);
  }
}

static void keep_certificate(struct local_site *site, X509 *ca) {
  uint8_t *der = NULL;
  int len = i2d_X509(ca, &der);
  if (len <= 0) {
    abort();
  }
  site->ca_der = xmemdup(der, (size_t)len);
  site->ca_der_len = (size_t)len;
  OPENSSL_free(der);
  ca_fingerprint(ca, site->ca_fingerprint);
}

struct local_site *local_site_new(const char *state_dir, X509 *ca) {
  struct local_site *site = xcalloc(1, sizeof(*site));
  struct timespec now;
  running_token_make(site->token);
  make_probe_key(site);
  site->state_dir = xstrdup(state_dir);
  keep_certificate(site, ca);
  clock_gettime(CLOCK_REALTIME, &now);
  site->started_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
  return site;
}

void local_site_free(struct local_site *site) {
  if (site != NULL) {
    OPENSSL_cleanse(site->token, sizeof(site->token));
    free(site->ca_der);
    free(site->state_dir);
    free(site);
  }
}
