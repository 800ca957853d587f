// verified_chains remembers which certificate chains were found to be good for
// which names, so that another connection to a site checks no signature of the
// chain again. Only the server's signature over the handshake
// (CertificateVerify) shows that it has the certificate's key: that is no
// matter of chains, and is verified every time.
//
// An entry says nothing but what verification had said: these octets, in this
// order, are good for this name by these trust anchors, until then. Failures
// are not kept. So a server can make us remember only what is true, also of a
// chain whose key it has not; the worst that it can do is to let others be
// forgotten sooner.
//
// It is thread-safe.

#ifndef ECHPROXY_ECH_VERIFIED_CHAINS_H
#define ECHPROXY_ECH_VERIFIED_CHAINS_H

#include <openssl/pool.h>
#include <openssl/sha.h>
#include <openssl/stack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// After this time a chain is verified again, were its certificates to last for
// years.
enum { kVerifiedChainSeconds = 4 * 60 * 60 };

// What stands for a chain and the name that it was verified for.
struct chain_digest {
  uint8_t bytes[SHA256_DIGEST_LENGTH];
};

// chain_digest_make sets `out` to the digest of `name`, of `name_len` octets,
// and all certificates of `chain`, leaf first.
void chain_digest_make(struct chain_digest *out, const char *name,
                       size_t name_len, const STACK_OF(CRYPTO_BUFFER) * chain);

struct verified_chains;

// verified_chains_new makes room for `max_chains` > 0 chains that are verified
// against one set of trust anchors, which must not change while it lives; the
// one used longest ago goes first. Released with verified_chains_free.
struct verified_chains *verified_chains_new(size_t max_chains);
void verified_chains_free(struct verified_chains *chains);

// verified_chains_has says whether the chain and name of `digest` are known to
// be good at `now`, in seconds since 1970.
bool verified_chains_has(struct verified_chains *chains,
                         const struct chain_digest *digest, int64_t now);

// verified_chains_add remembers what was verified at `now` and is good until
// `good_until`, when the first certificate of the path ends.
void verified_chains_add(struct verified_chains *chains,
                         const struct chain_digest *digest, int64_t now,
                         int64_t good_until);

// verified_chains_clear forgets everything.
void verified_chains_clear(struct verified_chains *chains);

#endif
