#include "keys/certificate.h"

#include <criterion/criterion.h>
#include <openssl/ec_key.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/x509.h>

#include "keys/support.h"

static X509 *root_with(struct certificate_period period) {
  uint8_t *der;
  size_t len;
  EVP_PKEY *key = certificate_new_key();
  cr_assert(certificate_write_root(key, "test CA", period, &der, &len));
  const uint8_t *in = der;
  X509 *root = d2i_X509(NULL, &in, (long)len);
  cr_assert(root != NULL && in == der + len);
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return root;
}

Test(certificate, takes_the_public_half_of_a_p_256_key_only) {
  struct certificate_public_key public_key;
  EVP_PKEY *key = certificate_new_key();
  cr_assert(certificate_public_key_of(&public_key, key));
  const uint8_t *in = public_key.spki;
  EVP_PKEY *again = d2i_PUBKEY(NULL, &in, sizeof(public_key.spki));
  cr_assert_eq(in, public_key.spki + sizeof(public_key.spki));
  cr_assert_eq(EVP_PKEY_cmp(key, again), 1);
  EVP_PKEY_free(again);
  EC_KEY *other = EC_KEY_new_by_curve_name(NID_secp384r1);
  cr_assert(EC_KEY_generate_key(other) && EVP_PKEY_set1_EC_KEY(key, other));
  cr_assert_not(certificate_public_key_of(&public_key, key));
  EC_KEY_free(other);
  EVP_PKEY_free(key);
  cr_assert(no_leaks());
}

// 2049-12-31 23:59:59 and a second later: RFC 5280, section 4.1.2.5.
Test(certificate, writes_years_from_2050_on_in_the_long_form) {
  enum { kUtc = 23, kGeneralized = 24 };
  struct certificate_period period = {2524607999, 2524608000};
  X509 *root = root_with(period);
  const ASN1_TIME *from = X509_get0_notBefore(root);
  const ASN1_TIME *to = X509_get0_notAfter(root);
  cr_assert_eq(ASN1_STRING_type(from), kUtc);
  cr_assert_eq(memcmp(ASN1_STRING_get0_data(from), "491231235959Z", 13), 0);
  cr_assert_eq(ASN1_STRING_type(to), kGeneralized);
  cr_assert_eq(memcmp(ASN1_STRING_get0_data(to), "20500101000000Z", 15), 0);
  X509_free(root);
  cr_assert(no_leaks());
}

Test(certificate, refuses_times_that_have_no_form) {
  uint8_t *der;
  size_t len;
  EVP_PKEY *key = certificate_new_key();
  struct certificate_period early = {-4000000000, 0};
  struct certificate_period late = {0, 400000000000};
  cr_assert_not(certificate_write_root(key, "test CA", early, &der, &len));
  cr_assert_not(certificate_write_root(key, "test CA", late, &der, &len));
  EVP_PKEY_free(key);
  cr_assert(no_leaks());
}

Test(certificate, has_a_positive_serial_of_17_octets_each_time_another) {
  struct certificate_period period = {0, 1000};
  X509 *a = root_with(period);
  X509 *b = root_with(period);
  const ASN1_INTEGER *a_serial = X509_get0_serialNumber(a);
  const ASN1_INTEGER *b_serial = X509_get0_serialNumber(b);
  cr_assert_eq(ASN1_STRING_type(a_serial), V_ASN1_INTEGER, "not negative");
  cr_assert_eq(ASN1_STRING_length(a_serial), 17);
  cr_assert_neq(ASN1_INTEGER_cmp(a_serial, b_serial), 0);
  X509_free(a);
  X509_free(b);
}
