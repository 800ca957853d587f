// tls_names says what the numbers in a ClientHello are called, as IANA's
// registries have it. GREASE (RFC 8701) is told apart from what is not known.

#ifndef ECHPROXY_STATUS_TLS_NAMES_H
#define ECHPROXY_STATUS_TLS_NAMES_H

#include <stdbool.h>
#include <stdint.h>

enum { kTlsNameSize = 64 };

// Each of these writes the name of `value` to `out`: "GREASE" for one of those,
// "unknown (0x1234)" for one that has none here. It returns `out`.
typedef const char *tls_name_fn(char out[kTlsNameSize], uint16_t value);

tls_name_fn tls_name_extension;
tls_name_fn tls_name_version;
tls_name_fn tls_name_cipher;
tls_name_fn tls_name_group;
tls_name_fn tls_name_signature;
tls_name_fn tls_name_certificate_compression;

// The same for what is one octet long; these have GREASE values of their own,
// or none.
tls_name_fn tls_name_psk_mode;
tls_name_fn tls_name_point_format;

// HPKE's key derivation functions and ciphers (RFC 9180), without GREASE.
tls_name_fn tls_name_hpke_kdf;
tls_name_fn tls_name_hpke_aead;

// tls_name_is_grease tells whether `value` is one of RFC 8701's sixteen of two
// octets.
bool tls_name_is_grease(uint16_t value);

#endif
