// verified_chains remembers which certificate chains were found to be good, and
// for which names, so that another connection checks no signature of a chain
// again, and another one to the same site parses no certificate. Only the
// server's signature over the handshake (CertificateVerify) shows that it has
// the certificate's key: that is no matter of chains, and is verified every
// time.
//
// An entry says nothing but what verification had said: these octets, in this
// order, are good by these trust anchors until then; or they are, and hold this
// name. Whether a chain is good does not depend on the name that was asked for
// (RFC 5280, section 6), so that the first kind serves every name, but says of
// none that the chain holds it: see site_verifier. The two kinds are kept
// apart, in memories of their own. Failures are not kept. So a server can make
// us remember only what is true, also of a chain whose key it has not; the
// worst that it can do is to let others be forgotten sooner.
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

// What stands for a chain, or for a chain and a name.
struct chain_digest {
  uint8_t bytes[SHA256_DIGEST_LENGTH];
};

// chain_digest_make sets `out` to the digest of all certificates of `chain`,
// leaf first.
void chain_digest_make(struct chain_digest *out,
                       const STACK_OF(CRYPTO_BUFFER) * chain);

// chain_digest_add_name sets `out` to the digest of `chain` and `name`.
void chain_digest_add_name(struct chain_digest *out,
                           const struct chain_digest *chain, const char *name);

struct verified_chains;

// verified_chains_new makes room for `max_chains` > 0 chains that are verified
// against one set of trust anchors, which must not change while it lives; the
// one used longest ago goes first. Released with verified_chains_free.
struct verified_chains *verified_chains_new(size_t max_chains);
void verified_chains_free(struct verified_chains *chains);

// verified_chains_get says whether what `digest` stands for is known to be good
// at `now`, in seconds since 1970, and until when.
bool verified_chains_get(struct verified_chains *chains,
                         int64_t *out_good_until,
                         const struct chain_digest *digest, int64_t now);

// verified_chains_add remembers what was verified at `now` and is good until
// `good_until`: when the first certificate of the path ends, or when what this
// follows from ends. It is forgotten after kVerifiedChainSeconds at the latest.
void verified_chains_add(struct verified_chains *chains,
                         const struct chain_digest *digest, int64_t now,
                         int64_t good_until);

// verified_chains_clear forgets everything.
void verified_chains_clear(struct verified_chains *chains);

#endif
