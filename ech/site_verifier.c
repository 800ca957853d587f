#include "ech/site_verifier.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "ech/certificate_names.h"
#include "ech/server_name.h"
#include "ech/verified_chains.h"
#include "net/verify_result.h"
#include "net/xalloc.h"

// Each takes some 130 octets.
enum { kMaxChains = 16384, kMaxNames = 16384 };

struct site_verifier {
  X509_STORE *trust;
  struct verified_chains *chains;  // whatever they are for
  struct verified_chains *names;   // that a chain is good for
};

// What hangs on an SSL and is freed with it.
struct slot {
  struct site_verifier *verifier;
  char host[];
};

struct site_verifier *site_verifier_new(X509_STORE *trust) {
  struct site_verifier *verifier = xcalloc(1, sizeof *verifier);
  X509_STORE_up_ref(trust);
  verifier->trust = trust;
  verifier->chains = verified_chains_new(kMaxChains);
  verifier->names = verified_chains_new(kMaxNames);
  return verifier;
}

void site_verifier_free(struct site_verifier *verifier) {
  if (verifier != NULL) {
    X509_STORE_free(verifier->trust);
    verified_chains_free(verifier->chains);
    verified_chains_free(verifier->names);
    free(verifier);
  }
}

void site_verifier_forget(struct site_verifier *verifier) {
  verified_chains_clear(verifier->chains);
  verified_chains_clear(verifier->names);
}

// The slot's place in an SSL: BoringSSL gives a number to the process once.

static pthread_once_t slot_once = PTHREAD_ONCE_INIT;
static int slot_index;

static void slot_free(void *ssl, void *ptr, CRYPTO_EX_DATA *ad, int index,
                      long argl, void *argp) {
  (void)ssl;
  (void)ad;
  (void)index;
  (void)argl;
  (void)argp;
  free(ptr);
}

static void slot_index_make(void) {
  slot_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, slot_free);
  if (slot_index < 0) {
    abort();
  }
}

static const struct slot *slot_of(const SSL *ssl) {
  pthread_once(&slot_once, slot_index_make);
  return SSL_get_ex_data(ssl, slot_index);
}

bool site_verifier_attach(struct site_verifier *verifier, SSL *ssl,
                          const char *host) {
  pthread_once(&slot_once, slot_index_make);
  struct slot *slot = xcalloc(1, sizeof *slot + strlen(host) + 1);
  slot->verifier = verifier;
  memcpy(slot->host, host, strlen(host));
  if (!SSL_set_ex_data(ssl, slot_index, slot)) {
    abort();
  }
  return server_name_ask(ssl, host);
}

// Verification, when nothing is remembered.

// parse_chain returns NULL when one of the certificates is none.
static STACK_OF(X509) * parse_chain(const STACK_OF(CRYPTO_BUFFER) * chain) {
  STACK_OF(X509) *parsed = sk_X509_new_null();
  for (size_t i = 0; i < sk_CRYPTO_BUFFER_num(chain); i++) {
    X509 *x509 = X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(chain, i));
    if (x509 == NULL || !sk_X509_push(parsed, x509)) {
      X509_free(x509);
      sk_X509_pop_free(parsed, X509_free);
      return NULL;
    }
  }
  return parsed;
}

// path_end returns when the first certificate of a verified path ends.
static int64_t path_end(const STACK_OF(X509) * path, int64_t now) {
  enum { kDay = 24 * 60 * 60 };
  int64_t end = INT64_MAX;
  for (size_t i = 0; i < sk_X509_num(path); i++) {
    int days, seconds;
    const X509 *x509 = sk_X509_value(path, i);
    if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x509))) {
      return now;
    }
    int64_t its_end = now + (int64_t)days * kDay + seconds;
    end = its_end < end ? its_end : end;
  }
  return end;
}

// verify_path returns X509_V_OK and until when that holds, or why not.
static long verify_path(X509_STORE *trust, STACK_OF(X509) * parsed,
                        const char *name, int64_t now,
                        int64_t *out_good_until) {
  X509_STORE_CTX *ctx = X509_STORE_CTX_new();
  long result = X509_V_ERR_OUT_OF_MEM;
  if (ctx != NULL &&
      X509_STORE_CTX_init(ctx, trust, sk_X509_value(parsed, 0), parsed) &&
      X509_STORE_CTX_set_default(ctx, "ssl_server") &&
      server_name_expect(X509_STORE_CTX_get0_param(ctx), name)) {
    bool ok = X509_verify_cert(ctx) == 1;
    result = X509_STORE_CTX_get_error(ctx);
    if (ok && result == X509_V_OK) {
      *out_good_until = path_end(X509_STORE_CTX_get0_chain(ctx), now);
    } else if (result == X509_V_OK) {
      result = X509_V_ERR_UNSPECIFIED;
    }
  }
  X509_STORE_CTX_free(ctx);
  return result;
}

static long verify_chain(X509_STORE *trust,
                         const STACK_OF(CRYPTO_BUFFER) * chain,
                         const char *name, int64_t now,
                         int64_t *out_good_until) {
  STACK_OF(X509) *parsed = parse_chain(chain);
  long result = X509_V_ERR_INVALID_CALL;
  if (parsed != NULL && sk_X509_num(parsed) > 0) {
    result = verify_path(trust, parsed, name, now, out_good_until);
  }
  sk_X509_pop_free(parsed, X509_free);
  ERR_clear_error();  // the result says it all
  return result;
}

// Verification by what is remembered, which only ever says yes: what is not
// known is verified as if nothing were.

// What is to be known of a chain and a name.
struct question {
  const STACK_OF(CRYPTO_BUFFER) * chain;
  const char *name;
  int64_t now;
  struct chain_digest chain_digest;
  struct chain_digest name_digest;
};

static struct question question_of(const STACK_OF(CRYPTO_BUFFER) * chain,
                                   const char *name) {
  struct question q = {.chain = chain, .name = name, .now = time(NULL)};
  chain_digest_make(&q.chain_digest, chain);
  chain_digest_add_name(&q.name_digest, &q.chain_digest, name);
  return q;
}

static bool leaf_has_name(const struct question *q) {
  CBS leaf;
  CRYPTO_BUFFER_init_CBS(sk_CRYPTO_BUFFER_value(q->chain, 0), &leaf);
  return certificate_names_hold(leaf, q->name);
}

// is_known knows of a name no longer than of the chain from which it follows.
static bool is_known(struct site_verifier *verifier, const struct question *q) {
  int64_t until;
  if (verified_chains_get(verifier->names, &until, &q->name_digest, q->now)) {
    return true;
  }
  if (!verified_chains_get(verifier->chains, &until, &q->chain_digest,
                           q->now) ||
      !leaf_has_name(q)) {
    return false;
  }
  verified_chains_add(verifier->names, &q->name_digest, q->now, until);
  return true;
}

static long verify(struct site_verifier *verifier,
                   const STACK_OF(CRYPTO_BUFFER) * chain, const char *name) {
  const struct question q = question_of(chain, name);
  int64_t until = q.now;
  if (is_known(verifier, &q)) {
    return X509_V_OK;
  }
  long result = verify_chain(verifier->trust, chain, name, q.now, &until);
  if (result == X509_V_OK) {
    verified_chains_add(verifier->chains, &q.chain_digest, q.now, until);
    verified_chains_add(verifier->names, &q.name_digest, q.now, until);
  }
  return result;
}

// name_to_verify returns the host, or the public name, in `public_name`, when
// the server has rejected ECH.
static const char *name_to_verify(const SSL *ssl, const struct slot *slot,
                                  char public_name[256]) {
  const char *name;
  size_t len;
  SSL_get0_ech_name_override(ssl, &name, &len);
  if (len == 0) {
    return slot->host;
  }
  len = len < 255 ? len : 255;  // RFC 9849, section 4: its length is one octet
  memcpy(public_name, name, len);
  public_name[len] = '\0';
  return public_name;
}

static enum ssl_verify_result_t on_verify(SSL *ssl, uint8_t *out_alert) {
  const struct slot *slot = slot_of(ssl);
  const STACK_OF(CRYPTO_BUFFER) *chain = SSL_get0_peer_certificates(ssl);
  long result = X509_V_ERR_INVALID_CALL;
  if (slot != NULL && chain != NULL) {
    char public_name[256];
    result =
        verify(slot->verifier, chain, name_to_verify(ssl, slot, public_name));
  }
  if (result == X509_V_OK) {
    return ssl_verify_ok;
  }
  verify_result_set(ssl, result);
  *out_alert = (uint8_t)SSL_alert_from_verify_result(result);
  return ssl_verify_invalid;
}

void site_verifier_enable(SSL_CTX *ctx) {
  SSL_CTX_set_custom_verify(ctx, SSL_VERIFY_PEER, on_verify);
}

bool site_verifier_remembers(const SSL *ssl, const SSL_SESSION *session) {
  const struct slot *slot = slot_of(ssl);
  const STACK_OF(CRYPTO_BUFFER) *chain =
      SSL_SESSION_get0_peer_certificates(session);
  if (slot == NULL || chain == NULL) {
    return false;
  }
  const struct question q = question_of(chain, slot->host);
  return is_known(slot->verifier, &q);
}
