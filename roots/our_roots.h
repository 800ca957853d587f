// our_roots is the certificates that are looked for in stores of roots: that of
// the local CA, those of the CAs that it replaced, and, as far as they are
// wanted, those of other echproxys.

#ifndef ECHPROXY_ROOTS_OUR_ROOTS_H
#define ECHPROXY_ROOTS_OUR_ROOTS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ca_rotation.h"

enum { kOurRootNameSize = 26 };  // "echproxy-", 16 digits, a NUL

struct our_root {
  X509 *certificate;  // a reference
  uint8_t *der;
  size_t der_len;
  // What it is called in the stores that we put it in.
  char name[kOurRootNameSize];
};

struct our_roots {
  struct our_root known[kCaMaxKnown];
  size_t num_known;
  bool has_current;      // the first one; the others are former ones
  const char *pem_path;  // the current one's file, borrowed
  // Whether untrusting is for the CAs of other state directories as well.
  bool take_foreign;
};

enum our_root_kind {
  OUR_ROOT_NOT,      // somebody else's
  OUR_ROOT_CURRENT,  // the local CA's
  OUR_ROOT_FORMER,   // of a CA that it replaced
  OUR_ROOT_FOREIGN,  // of an echproxy with another state directory
};

// What a store has of ours.
struct our_roots_view {
  bool has_current;
  bool is_trusted;  // the current one, for websites
  size_t num_former;
  size_t num_foreign;
};

// our_root_init copies what is needed of `certificate`. False when out of
// memory. Either way released with our_root_cleanup.
bool our_root_init(struct our_root *root, X509 *certificate);
void our_root_cleanup(struct our_root *root);

// our_roots_init takes what `known` has. `pem_path` is borrowed while `roots`
// lives. Released with our_roots_cleanup.
void our_roots_init(struct our_roots *roots, const struct ca_known *known,
                    const char *pem_path, bool take_foreign);
void our_roots_cleanup(struct our_roots *roots);

// our_roots_kind says what the certificate `der` is to us.
enum our_root_kind our_roots_kind(const struct our_roots *roots,
                                  const uint8_t *der, size_t len);

// our_roots_unwanted says whether a certificate of `kind` has to go, where the
// current one may stay (`keep_current`) or not.
bool our_roots_unwanted(const struct our_roots *roots, enum our_root_kind kind,
                        bool keep_current);

// our_roots_view_add counts a certificate of `kind`. Whether it is trusted is
// the store's to say.
void our_roots_view_add(struct our_roots_view *view, enum our_root_kind kind);

#endif
