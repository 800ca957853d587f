// ech_key_octets reads what the files of ech_key_file.h hold once PEM and
// base64 are off. Each function adds to a file; false means that `out_error`
// says at which octet it goes wrong, and what was expected there.

#ifndef ECHPROXY_KEYS_ECH_KEY_OCTETS_H
#define ECHPROXY_KEYS_ECH_KEY_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/ech_key_file.h"
#include "keys/key_error.h"

// ech_key_octets_list takes an ECHConfigList whose entries are framed. `what`
// names it in the message.
bool ech_key_octets_list(struct ech_key_file *file, const uint8_t *list,
                         size_t len, const char *what,
                         struct key_error *out_error);

// ech_key_octets_pkcs8 takes a private key. `what` is as above.
bool ech_key_octets_pkcs8(struct ech_key_file *file, const uint8_t *der,
                          size_t len, const char *what,
                          struct key_error *out_error);

// ech_key_octets_go takes the contents of an ECH KEYS block: {u16+private key,
// u16+ECHConfig}, repeated.
bool ech_key_octets_go(struct ech_key_file *file, const uint8_t *data,
                       size_t len, struct key_error *out_error);

// ech_key_octets_any takes what has no label to tell its format, and sets the
// format: a list, an ECHConfig, NSS's form, the contents of ECH KEYS or, only
// when `may_be_key`, a raw key, which any 32 octets are.
bool ech_key_octets_any(struct ech_key_file *file, const uint8_t *data,
                        size_t len, bool may_be_key,
                        struct key_error *out_error);

// ech_key_octets_from_hex decodes hexadecimal, but only that of an
// ECHConfigList: all of its characters are base64's too. `*out` is released
// with OPENSSL_free.
bool ech_key_octets_from_hex(uint8_t **out, size_t *out_len,
                             const uint8_t *text, size_t len);

#endif
