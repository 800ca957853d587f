#include "support/nss_server.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <openssl/pkcs8.h>

#include "support/ech_file.h"
#include "support/loopback.h"

static const char kPassword[] = "test";

static const char *write_pkcs12(struct scratch *scratch, const char *nickname,
                                const struct test_cert *cert) {
  PKCS12 *p12 = PKCS12_create(kPassword, nickname, cert->key, cert->cert, NULL,
                              0, 0, 0, 0, 0);
  uint8_t *der = NULL;
  int len = i2d_PKCS12(p12, &der);
  cr_assert_gt(len, 0);
  const char *path = scratch_write(scratch, "site.p12", der, (size_t)len);
  OPENSSL_free(der);
  PKCS12_free(p12);
  return path;
}

static const char *make_database(struct scratch *scratch, const char *nickname,
                                 const struct test_cert *cert) {
  const char *db =
      scratch_format(scratch, "sql:%s", scratch_dir(scratch, "nss"));
  const char *p12 = write_pkcs12(scratch, nickname, cert);
  program_must((const char *const[]){"certutil", "-N", "--empty-password", "-d",
                                     db, NULL});
  program_must((const char *const[]){"pk12util", "-i", p12, "-d", db, "-W",
                                     kPassword, "-K", "", NULL});
  return db;
}

// start runs selfserv with the certificate called `nickname`. `-a NAME` has it
// take the certificate of that nickname for hellos with that name.
static struct peer *start(struct scratch *scratch, uint16_t *out_port,
                          const struct test_cert *cert, const char *ech_path,
                          const char *nickname, const char *only_name) {
  const char *ech = scratch_read(scratch, ech_path, NULL);
  cr_assert_not_null(ech, "%s", ech_path);
  *out_port = loopback_free_port();
  const char *const argv[] = {
      "selfserv",
      "-d",
      make_database(scratch, nickname, cert),
      "-n",
      nickname,
      "-p",
      scratch_format(scratch, "%u", *out_port),
      "-V",
      "tls1.2:tls1.3",
      "-H",
      "1",
      "-Q",
      "-X",
      ech,
      only_name == NULL ? NULL : "-v",
      "-a",
      only_name,
      NULL,
  };
  struct peer *peer = peer_start(argv, NULL);
  cr_assert(loopback_wait_for(*out_port), "selfserv: %s", peer_output(peer));
  return peer;
}

struct peer *nss_server_start(struct scratch *scratch, uint16_t *out_port,
                              const struct test_cert *cert,
                              const struct ech_key *key) {
  return nss_server_start_file(
      scratch, out_port, cert,
      ech_file_write(scratch, "selfserv.ech", key, ECH_KEY_NSS));
}

struct peer *nss_server_start_file(struct scratch *scratch, uint16_t *out_port,
                                   const struct test_cert *cert,
                                   const char *ech_path) {
  return start(scratch, out_port, cert, ech_path, "site", NULL);
}

struct peer *nss_server_start_for(struct scratch *scratch, uint16_t *out_port,
                                  const struct test_cert *cert,
                                  const struct ech_key *key, const char *name) {
  return start(scratch, out_port, cert,
               ech_file_write(scratch, "selfserv.ech", key, ECH_KEY_NSS), name,
               name);
}
