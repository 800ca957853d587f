// local_site is what the proxy's own pages are made of, apart from what
// connections leave behind (status/): the same for all workers.

#ifndef ECHPROXY_PROXY_LOCAL_SITE_H
#define ECHPROXY_PROXY_LOCAL_SITE_H

#include <openssl/x509.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ca_rotation.h"
#include "proxy/rule_request.h"
#include "proxy/running_file.h"
#include "proxy/service_manager.h"

enum {
  kProbeKeySize = 33,  // 16 octets in hexadecimal, and a NUL
  kMaxWatchers = 16,   // of event streams, of all workers together
};

// All but `num_watchers` stays as it is once the workers run.
struct local_site {
  char token[kRunningTokenSize];
  char probe_key[kProbeKeySize];
  char *state_dir;
  uint8_t *ca_der;
  size_t ca_der_len;
  char ca_fingerprint[kCaFingerprintSize];
  int64_t started_ms;  // since 1970
  size_t num_workers;
  struct address listen[kServiceManagerMaxSockets];
  size_t num_listen;
  const struct rule_inbox *rules;  // borrowed
  atomic_uint num_watchers;
};

// local_site_new makes one that begins now, with a new token. It copies
// `state_dir` and what it needs of the CA's certificate. Released with
// local_site_free, after the workers; NULL does nothing.
struct local_site *local_site_new(const char *state_dir, X509 *ca);
void local_site_free(struct local_site *site);

#endif
