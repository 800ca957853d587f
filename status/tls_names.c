#include "status/tls_names.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdio.h>

struct name {
  uint16_t value;
  const char *text;
};

static const struct name kExtensions[] = {
    {0, "server_name"},
    {1, "max_fragment_length"},
    {2, "client_certificate_url"},
    {3, "trusted_ca_keys"},
    {4, "truncated_hmac"},
    {5, "status_request"},
    {9, "cert_type"},
    {10, "supported_groups"},
    {11, "ec_point_formats"},
    {12, "srp"},
    {13, "signature_algorithms"},
    {14, "use_srtp"},
    {15, "heartbeat"},
    {16, "application_layer_protocol_negotiation"},
    {17, "status_request_v2"},
    {18, "signed_certificate_timestamp"},
    {19, "client_certificate_type"},
    {20, "server_certificate_type"},
    {21, "padding"},
    {22, "encrypt_then_mac"},
    {23, "extended_master_secret"},
    {24, "token_binding"},
    {25, "cached_info"},
    {27, "compress_certificate"},
    {28, "record_size_limit"},
    {34, "delegated_credential"},
    {35, "session_ticket"},
    {41, "pre_shared_key"},
    {42, "early_data"},
    {43, "supported_versions"},
    {44, "cookie"},
    {45, "psk_key_exchange_modes"},
    {47, "certificate_authorities"},
    {48, "oid_filters"},
    {49, "post_handshake_auth"},
    {50, "signature_algorithms_cert"},
    {51, "key_share"},
    {54, "connection_id"},
    {57, "quic_transport_parameters"},
    {58, "ticket_request"},
    {13172, "next_protocol_negotiation"},
    {17513, "application_settings"},  // Chromium's first number for it
    {17613, "application_settings"},
    {30032, "channel_id"},
    {51764, "trust_anchors"},
    {64768, "ech_outer_extensions"},
    {65037, "encrypted_client_hello"},
    {65281, "renegotiation_info"},
};

static const struct name kVersions[] = {
    {0x0300, "SSL 3.0"}, {0x0301, "TLS 1.0"}, {0x0302, "TLS 1.1"},
    {0x0303, "TLS 1.2"}, {0x0304, "TLS 1.3"},
};

// Those that BoringSSL does not have, and that other clients offer.
static const struct name kCiphers[] = {
    {0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA"},
    {0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
    {0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA"},
    {0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA"},
    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
    {0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256"},
    {0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256"},
    {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"},
    {0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"},
    {0x1301, "TLS_AES_128_GCM_SHA256"},
    {0x1302, "TLS_AES_256_GCM_SHA384"},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256"},
    {0x1304, "TLS_AES_128_CCM_SHA256"},
    {0x1305, "TLS_AES_128_CCM_8_SHA256"},
    {0x5600, "TLS_FALLBACK_SCSV"},
    {0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384"},
    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"},
    {0xc09c, "TLS_RSA_WITH_AES_128_CCM"},
    {0xc09d, "TLS_RSA_WITH_AES_256_CCM"},
    {0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM"},
    {0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM"},
    {0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
    {0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM"},
    {0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
};

static const struct name kGroups[] = {
    {21, "secp224r1"},
    {22, "secp256k1"},
    {23, "secp256r1"},
    {24, "secp384r1"},
    {25, "secp521r1"},
    {29, "X25519"},
    {30, "X448"},
    {31, "brainpoolP256r1tls13"},
    {32, "brainpoolP384r1tls13"},
    {33, "brainpoolP512r1tls13"},
    {256, "ffdhe2048"},
    {257, "ffdhe3072"},
    {258, "ffdhe4096"},
    {259, "ffdhe6144"},
    {260, "ffdhe8192"},
    {0x0200, "MLKEM512"},
    {0x0201, "MLKEM768"},
    {0x0202, "MLKEM1024"},
    {0x11eb, "SecP256r1MLKEM768"},
    {0x11ec, "X25519MLKEM768"},
    {0x11ed, "SecP384r1MLKEM1024"},
    {0x4138, "CECPQ2"},
    {0x6399, "X25519Kyber768Draft00"},
};

// The names that BoringSSL has are the same.
static const struct name kSignatures[] = {
    {0x0201, "rsa_pkcs1_sha1"},
    {0x0202, "dsa_sha1"},
    {0x0203, "ecdsa_sha1"},
    {0x0301, "rsa_pkcs1_sha224"},
    {0x0302, "dsa_sha224"},
    {0x0303, "ecdsa_sha224"},
    {0x0401, "rsa_pkcs1_sha256"},
    {0x0402, "dsa_sha256"},
    {0x0403, "ecdsa_secp256r1_sha256"},
    {0x0501, "rsa_pkcs1_sha384"},
    {0x0502, "dsa_sha384"},
    {0x0503, "ecdsa_secp384r1_sha384"},
    {0x0601, "rsa_pkcs1_sha512"},
    {0x0602, "dsa_sha512"},
    {0x0603, "ecdsa_secp521r1_sha512"},
    {0x0804, "rsa_pss_rsae_sha256"},
    {0x0805, "rsa_pss_rsae_sha384"},
    {0x0806, "rsa_pss_rsae_sha512"},
    {0x0807, "ed25519"},
    {0x0808, "ed448"},
    {0x0809, "rsa_pss_pss_sha256"},
    {0x080a, "rsa_pss_pss_sha384"},
    {0x080b, "rsa_pss_pss_sha512"},
    {0x081a, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x081b, "ecdsa_brainpoolP384r1tls13_sha384"},
    {0x081c, "ecdsa_brainpoolP512r1tls13_sha512"},
    {0x0904, "mldsa44"},
    {0x0905, "mldsa65"},
    {0x0906, "mldsa87"},
};

static const struct name kCompressions[] = {
    {1, "zlib"}, {2, "brotli"}, {3, "zstd"}};

static const struct name kPskModes[] = {{0, "psk_ke"}, {1, "psk_dhe_ke"}};

static const struct name kPointFormats[] = {
    {0, "uncompressed"},
    {1, "ansiX962_compressed_prime"},
    {2, "ansiX962_compressed_char2"},
};

static const struct name kKdfs[] = {
    {1, "HKDF-SHA256"}, {2, "HKDF-SHA384"}, {3, "HKDF-SHA512"}};

static const struct name kAeads[] = {
    {1, "AES-128-GCM"}, {2, "AES-256-GCM"}, {3, "ChaCha20Poly1305"}};

// The longest table has some fifty entries, and a ClientHello some hundred
// numbers: nobody waits for that.
static const char *find(const struct name *names, size_t num, uint16_t value) {
  for (size_t i = 0; i < num; i++) {
    if (names[i].value == value) {
      return names[i].text;
    }
  }
  return NULL;
}

#define FIND(names, value) \
  find(names, sizeof(names) / sizeof((names)[0]), value)

static const char *name_or_unknown(char out[kTlsNameSize], const char *name,
                                   uint16_t value) {
  if (name != NULL) {
    snprintf(out, kTlsNameSize, "%s", name);
  } else {
    snprintf(out, kTlsNameSize, "unknown (0x%04x)", value);
  }
  return out;
}

bool tls_name_is_grease(uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && value >> 8 == (value & 0xff);
}

static const char *name_or_grease(char out[kTlsNameSize], const char *name,
                                  uint16_t value) {
  return name_or_unknown(out, tls_name_is_grease(value) ? "GREASE" : name,
                         value);
}

const char *tls_name_extension(char out[kTlsNameSize], uint16_t value) {
  return name_or_grease(out, FIND(kExtensions, value), value);
}

const char *tls_name_version(char out[kTlsNameSize], uint16_t value) {
  return name_or_grease(out, FIND(kVersions, value), value);
}

const char *tls_name_cipher(char out[kTlsNameSize], uint16_t value) {
  const char *name = FIND(kCiphers, value);
  const SSL_CIPHER *cipher = SSL_get_cipher_by_value(value);
  if (name == NULL && cipher != NULL) {
    name = SSL_CIPHER_standard_name(cipher);
  }
  return name_or_grease(out, name, value);
}

const char *tls_name_group(char out[kTlsNameSize], uint16_t value) {
  return name_or_grease(out, FIND(kGroups, value), value);
}

const char *tls_name_signature(char out[kTlsNameSize], uint16_t value) {
  return name_or_grease(out, FIND(kSignatures, value), value);
}

const char *tls_name_certificate_compression(char out[kTlsNameSize],
                                             uint16_t value) {
  return name_or_grease(out, FIND(kCompressions, value), value);
}

// RFC 8701, section 2: 0x0b, 0x2a, 0x49 and so on.
const char *tls_name_psk_mode(char out[kTlsNameSize], uint16_t value) {
  bool grease = value <= 0xff && value % 0x1f == 0x0b;
  return name_or_unknown(out, grease ? "GREASE" : FIND(kPskModes, value),
                         value);
}

const char *tls_name_point_format(char out[kTlsNameSize], uint16_t value) {
  return name_or_unknown(out, FIND(kPointFormats, value), value);
}

const char *tls_name_hpke_kdf(char out[kTlsNameSize], uint16_t value) {
  return name_or_unknown(out, FIND(kKdfs, value), value);
}

const char *tls_name_hpke_aead(char out[kTlsNameSize], uint16_t value) {
  return name_or_unknown(out, FIND(kAeads, value), value);
}
