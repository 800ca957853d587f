#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "support/scene.h"

// The leaf as clients on other TLS libraries see it, through the real proxy.
// Chromium and Firefox are in test_browsers.

enum { kRunMs = 30000 };

struct stage {
  struct scene scene;
  struct peer *connect_port;
  const char *port;
};

static void stage_open(struct stage *stage) {
  struct scene *scene = &stage->scene;
  scene_open(scene);
  scene_start(scene);
  struct scratch *s = scene->scratch;
  const char *const argv[] = {
      "/usr/bin/python3", TEST_PEERS_DIR "/connect_port.py",
      scratch_format(s, "%u", proxy_process_port(scene->proxy)),
      scratch_format(s, "%s:%u", kSiteName, tap_port(scene->tap)), NULL};
  stage->connect_port = peer_start(argv, NULL);
  const char *line =
      peer_wait_line(stage->connect_port, "listening on ", kRunMs);
  cr_assert_not_null(line);
  stage->port = scratch_format(s, "%s", strrchr(line, ':') + 1);
}

static void stage_close(struct stage *stage) {
  peer_free(stage->connect_port);
  scene_close(&stage->scene);
}

// expect runs a client and wants it to end with 0, or not, and to say `text`.
static void expect(struct stage *stage, bool accepts, const char *text,
                   const char *const argv[]) {
  struct program program;
  program_run(&program, argv, NULL, kRunMs);
  const char *said =
      scratch_format(stage->scene.scratch, "%s%s", program.out, program.err);
  cr_assert_eq(program.exit_code == 0, accepts, "%s: %d: %s", argv[0],
               program.exit_code, said);
  cr_assert_not_null(strstr(said, text), "%s: %s", argv[0], said);
  program_cleanup(&program);
}

static const char *ca_file(struct stage *stage, bool trusts) {
  return scratch_path(stage->scene.scratch,
                      trusts ? "state/ca.pem" : "root.crt");
}

static void try_curl(struct stage *stage, bool trusts) {
  struct program program;
  scene_run_fetch(&program, &stage->scene,
                  &(struct scene_fetch){.trust_root_only = !trusts});
  cr_assert_eq(program.exit_code, trusts ? 0 : 60, "%s", program.err);
  program_cleanup(&program);
}

static void try_openssl(struct stage *stage, bool trusts) {
  expect(stage, trusts, trusts ? "Verification: OK" : "verify error",
         (const char *const[]){
             "openssl", "s_client", "-brief", "-connect",
             scratch_format(stage->scene.scratch, "127.0.0.1:%s", stage->port),
             "-servername", kSiteName, "-verify_hostname", kSiteName,
             "-x509_strict", "-verify_return_error", "-CAfile",
             ca_file(stage, trusts), NULL});
}

static void try_gnutls(struct stage *stage, bool trusts) {
  expect(stage, trusts,
         trusts ? "The certificate is trusted" : "issuer is unknown",
         (const char *const[]){"gnutls-cli", "--x509cafile",
                               ca_file(stage, trusts), "--port", stage->port,
                               "--sni-hostname", kSiteName, "--verify-hostname",
                               kSiteName, "127.0.0.1", NULL});
}

static void try_nss(struct stage *stage, bool trusts) {
  struct scratch *s = stage->scene.scratch;
  const char *db = scratch_format(
      s, "sql:%s", scratch_dir(s, trusts ? "trusting" : "not-trusting"));
  program_must((const char *const[]){"certutil", "-N", "--empty-password", "-d",
                                     db, NULL});
  program_must((const char *const[]){"certutil", "-A", "-d", db, "-n", "ca",
                                     "-t", "C,,", "-i", ca_file(stage, trusts),
                                     NULL});
  // The answer's end ends it: without a request it waits for the site's.
  static const char kRequest[] =
      "GET / HTTP/1.1\r\nHost: secret.test\r\nConnection: close\r\n\r\n";
  const char *request =
      scratch_write(s, "request", kRequest, sizeof(kRequest) - 1);
  expect(stage, trusts,
         trusts ? "hello from the site" : "SEC_ERROR_UNKNOWN_ISSUER",
         (const char *const[]){"tstclnt", "-h", "127.0.0.1", "-p", stage->port,
                               "-a", kSiteName, "-d", db, "-V", "tls1.2:tls1.3",
                               "-A", request, NULL});
}

static void (*const kClients[])(struct stage *stage, bool trusts) = {
    try_curl, try_openssl, try_gnutls, try_nss};

Test(leaf_clients, accept_the_leaf_of_a_ca_that_they_trust, .timeout = 120) {
  struct stage stage;
  stage_open(&stage);
  for (size_t i = 0; i < sizeof(kClients) / sizeof(kClients[0]); i++) {
    kClients[i](&stage, true);
    kClients[i](&stage, false);
  }
  scene_assert_hidden(&stage.scene);
  stage_close(&stage);
}
