// tls_error_text: what went wrong with a handshake, for people.

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <uv.h>

#include "net/tls.h"
#include "net/upstream.h"

// The IANA registry "TLS Alerts" as BoringSSL's peers use it.
static const struct {
  int alert;
  const char *name;
} kAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {22, "record_overflow"},
    {40, "handshake_failure"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

static const struct {
  long verify_result;
  const char *text;
} kVerifyResults[] = {
    {X509_V_ERR_CERT_NOT_YET_VALID, "it is not valid yet"},
    {X509_V_ERR_CERT_HAS_EXPIRED, "it has expired"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT,
     "it is self-signed, so nobody who is trusted vouches for it"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, "its issuer is not trusted"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, "its issuer is not known"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, "its issuer is not trusted"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, "its issuer is not trusted"},
    {X509_V_ERR_CERT_UNTRUSTED, "its issuer is not trusted"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, "its signature is wrong"},
    {X509_V_ERR_CERT_REVOKED, "it has been revoked"},
    {X509_V_ERR_INVALID_CA, "its issuer may not issue certificates"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED,
     "its chain is longer than one of its issuers allows"},
    {X509_V_ERR_INVALID_PURPOSE, "it may not be used for this side of TLS"},
    {X509_V_ERR_HOSTNAME_MISMATCH, "it is not valid for the name"},
    {X509_V_ERR_IP_ADDRESS_MISMATCH, "it is not valid for the address"},
    {X509_V_ERR_PERMITTED_VIOLATION,
     "its issuer may not issue certificates for the name"},
    {X509_V_ERR_EXCLUDED_VIOLATION,
     "its issuer may not issue certificates for the name"},
    // No verdict of X.509's own: a callback refused the chain.
    {X509_V_OK, "it was refused"},
    {X509_V_ERR_INVALID_CALL, "it was refused"},
};

static const struct {
  int reason;
  const char *text;
} kReasons[] = {
    {SSL_R_ECH_REJECTED,
     "the server did not accept Encrypted ClientHello with this configuration"},
    {SSL_R_HTTP_REQUEST, "the peer speaks HTTP, not TLS"},
    {SSL_R_HTTPS_PROXY_REQUEST, "the peer speaks HTTP, not TLS"},
    {SSL_R_WRONG_VERSION_NUMBER, "what the peer sent is not TLS"},
    {SSL_R_UNSUPPORTED_PROTOCOL, "the peer shares no TLS version with us"},
    {SSL_R_NO_SHARED_CIPHER, "the peer shares no cipher suite with us"},
    {SSL_R_NO_SHARED_GROUP, "the peer shares no key exchange with us"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
     "the peer did not send a certificate"},
};

static void alert_text(char *out, size_t out_size, int alert) {
  const char *name = "of a kind that is not known";
  for (size_t i = 0; i < sizeof(kAlerts) / sizeof(kAlerts[0]); i++) {
    if (kAlerts[i].alert == alert) {
      name = kAlerts[i].name;
    }
  }
  snprintf(out, out_size, "the peer ended the handshake: TLS alert %s (%d)",
           name, alert);
}

static void verify_text(char *out, size_t out_size, long verify_result) {
  const char *text = X509_verify_cert_error_string(verify_result);
  for (size_t i = 0; i < sizeof(kVerifyResults) / sizeof(kVerifyResults[0]);
       i++) {
    if (kVerifyResults[i].verify_result == verify_result) {
      text = kVerifyResults[i].text;
    }
  }
  snprintf(out, out_size, "the peer's certificate is not accepted: %s", text);
}

static void reason_text(char *out, size_t out_size, uint32_t ssl_err) {
  for (size_t i = 0; i < sizeof(kReasons) / sizeof(kReasons[0]); i++) {
    if (ERR_GET_LIB(ssl_err) == ERR_LIB_SSL &&
        kReasons[i].reason == ERR_GET_REASON(ssl_err)) {
      snprintf(out, out_size, "%s", kReasons[i].text);
      return;
    }
  }
  const char *reason = ssl_err != 0 ? ERR_reason_error_string(ssl_err) : NULL;
  snprintf(out, out_size, "the TLS handshake failed: %s",
           reason != NULL ? reason : "no reason was given");
}

const char *tls_error_text(char *out, size_t out_size,
                           const struct tls_error *error) {
  if (error->via_upstream) {
    snprintf(out, out_size, "%s", upstream_error_text(error->uv_err));
  } else if (error->uv_err == UV_EOF) {
    snprintf(out, out_size, "the peer closed the connection in the handshake");
  } else if (error->uv_err != 0) {
    snprintf(out, out_size, "the connection broke in the handshake: %s",
             uv_strerror(error->uv_err));
  } else if (error->alert != 0) {
    alert_text(out, out_size, error->alert);
  } else if (ERR_GET_LIB(error->ssl_err) == ERR_LIB_SSL &&
             ERR_GET_REASON(error->ssl_err) ==
                 SSL_R_CERTIFICATE_VERIFY_FAILED) {
    verify_text(out, out_size, error->verify_result);
  } else {
    reason_text(out, out_size, error->ssl_err);
  }
  return out;
}
