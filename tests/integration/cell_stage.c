#include "integration/cell_stage.h"

#include <criterion/criterion.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "integration/cell_rows.h"
#include "support/bssl_server.h"
#include "support/loopback.h"
#include "support/nss_server.h"

enum {
  kNumRows = sizeof(kRows) / sizeof(kRows[0]),
  kMaxCells = kNumModes * kNumRows,
};

// Certificates.

static void add_cert(struct stage *stage, const char *file, const char *names,
                     const struct test_cert *issuer, bool is_expired) {
  struct test_cert *cert = test_cert_new(&(struct test_cert_spec){
      .names = names, .issuer = issuer, .is_expired = is_expired});
  scratch_cert(stage->scene.scratch, file, cert);
  test_cert_free(cert);
}

// Certificates of one root have much in common: what tells the sites' from the
// others is its key.
static void find_point(struct stage *stage) {
  uint8_t *der = NULL;
  int len = i2d_PUBKEY(stage->scene.site_cert->key, &der);
  cr_assert_gt(len, (int)kPointLen);
  memcpy(stage->site_point, der + len - kPointLen, kPointLen);
  OPENSSL_free(der);
}

static void make_certs(struct stage *stage) {
  static const char kSites[] =
      "DNS:*.site.test,DNS:localhost,DNS:a.localhost,IP:127.0.0.1";
  static const char kPublic[] = "DNS:public.test";
  const struct test_cert *root = stage->scene.root;
  struct test_cert *other =
      test_cert_new(&(struct test_cert_spec){.is_ca = true});
  test_cert_free(stage->scene.site_cert);
  stage->scene.site_cert = scene_cert(&stage->scene, "site", kSites);
  find_point(stage);
  add_cert(stage, "site-unknown", kSites, other, false);
  add_cert(stage, "site-expired", kSites, root, true);
  add_cert(stage, "public-unknown", kPublic, other, false);
  add_cert(stage, "public-expired", kPublic, root, true);
  stage->wrong_cert = scene_cert(&stage->scene, "wrong", "DNS:wrong.example");
  test_cert_free(other);
}

// Servers.

static const struct {
  const char *site;
  const char *public;
  const char *ech;
  const char *options[3];
} kOrigins[] = {
    [SITE] = {"site", "public", "ech.pem", {NULL}},
    [SITE_H1] = {"site", "public", "ech.pem", {"--h1"}},
    [SITE_P256] = {"site", "public", "ech.pem", {"--p256"}},
    [STALE] = {"site", "public", "new.pem", {NULL}},
    [STALE_P256] = {"site", "public", "new.pem", {"--p256"}},
    [STALE_WRONG] = {"site", "wrong", "new.pem", {NULL}},
    [STALE_UNKNOWN] = {"site", "public-unknown", "new.pem", {NULL}},
    [STALE_EXPIRED] = {"site", "public-expired", "new.pem", {NULL}},
    [OFF] = {"site", "public", NULL, {NULL}},
    [OFF_P256] = {"site", "public", NULL, {"--p256"}},
    [OFF_WRONG] = {"site", "wrong", NULL, {NULL}},
    [OFF_UNKNOWN] = {"site", "public-unknown", NULL, {NULL}},
    [OFF_EXPIRED] = {"site", "public-expired", NULL, {NULL}},
    [TLS12] = {"site", "public", NULL, {"--tls12"}},
    [TLS12_WRONG] = {"site", "wrong", NULL, {"--tls12"}},
    [SITE_WRONG] = {"wrong", "public", "ech.pem", {NULL}},
    [SITE_UNKNOWN] = {"site-unknown", "public", "ech.pem", {NULL}},
    [SITE_EXPIRED] = {"site-expired", "public", "ech.pem", {NULL}},
};

static void start_ech_origin(struct stage *stage, enum cell_server server,
                             const char *backend) {
  struct scratch *s = stage->scene.scratch;
  const char *site = scratch_path(s, kOrigins[server].site);
  const char *public = scratch_path(s, kOrigins[server].public);
  const char *args[20] = {"--site",
                          scratch_format(s, "%s.crt", site),
                          scratch_format(s, "%s.key", site),
                          "--public",
                          kPublicName,
                          scratch_format(s, "%s.crt", public),
                          scratch_format(s, "%s.key", public),
                          "--backend",
                          backend};
  size_t num = 9;
  if (kOrigins[server].ech != NULL) {
    args[num++] = "--ech";
    args[num++] = scratch_path(s, kOrigins[server].ech);
  }
  args[num++] = kOrigins[server].options[0];
  stage->servers[server] = scene_run_origin(args, &stage->ports[server]);
}

static void start_servers(struct stage *stage) {
  struct scene *scene = &stage->scene;
  const char *backend = scene_start_backend(scene);
  for (enum cell_server server = SITE; server <= SITE_EXPIRED; server++) {
    if (server != NSS && server != BSSL) {
      start_ech_origin(stage, server, backend);
    }
  }
  stage->servers[NSS] = nss_server_start(scene->scratch, &stage->ports[NSS],
                                         scene->site_cert, scene->ech);
  stage->servers[BSSL] = bssl_server_start(scene->scratch, &stage->ports[BSSL],
                                           "site", scene->ech);
  stage->ports[CLEAR] = (uint16_t)strtoul(backend, NULL, 10);
  stage->nobody = loopback_bind();
  cr_assert_geq(stage->nobody, 0);
  stage->ports[NOBODY] = loopback_port(stage->nobody);
}

static struct scripted_site *start_script(struct stage *stage,
                                          const struct cell_row *row) {
  struct site_step steps[kSiteMaxSteps];
  size_t num = row->steps[1].deed == 0 ? 1 : 2;
  for (size_t i = 0; i < num; i++) {
    const struct cell_step *step = &row->steps[i];
    uint8_t list[kOddConfigSize];
    size_t list_len = odd_config_write(list, step->retry);
    uint8_t *kept = (uint8_t *)(uintptr_t)scratch_format(
        stage->scene.scratch, "%*s", (int)sizeof(list), "");
    memcpy(kept, list, list_len);
    steps[i] = (struct site_step){
        .deed = step->deed,
        .tls = {.cert = step->proof == PROOF_WRONG ? stage->wrong_cert
                                                   : stage->scene.public_cert,
                .has_ech = step->has_ech,
                .ech = kept,
                .ech_len = list_len,
                .is_forged = step->proof == PROOF_FORGED,
                .is_tampered = step->proof == PROOF_TAMPERED}};
  }
  return scripted_site_new(steps, num);
}

// Cells and their records.

static void add_cell(struct stage *stage, const struct cell_row *row,
                     enum mode mode) {
  struct cell *cell = &stage->cells[stage->num_cells++];
  cell->row = row;
  cell->mode = mode;
  cell->expected = mode == PREFER ? &row->prefer : &row->strict;
  cell->host = row->host;
  if (cell->host == NULL) {
    cell->host =
        scratch_format(stage->scene.scratch, "%s-%c%zu.site.test",
                       row->fault == NULL ? "hidden" : row->fault,
                       mode == PREFER ? 'p' : 's', (size_t)(row - kRows));
  }
  if (row->server == SCRIPTED) {
    cell->site = start_script(stage, row);
  }
  cell->tap = tap_new(cell->site == NULL ? stage->ports[row->server]
                                         : scripted_site_port(cell->site));
  cell->port = row->port == 0 ? tap_port(cell->tap) : row->port;
}

static void add_cells(struct stage *stage) {
  for (size_t i = 0; i < kNumRows; i++) {
    if (kRows[i].prefer.outcome != NOT_PLAYED) {
      add_cell(stage, &kRows[i], PREFER);
    }
    if (kRows[i].strict.outcome != NOT_PLAYED) {
      add_cell(stage, &kRows[i], STRICT);
    }
  }
}

static const char *base64(struct stage *stage, const uint8_t *bytes,
                          size_t len) {
  uint8_t text[2 * kOddConfigSize];
  EVP_EncodeBlock(text, bytes, len);
  return scratch_format(stage->scene.scratch, "%s", (const char *)text);
}

// Replaces `token` wherever it stands.
static const char *fill(struct stage *stage, const char *text,
                        const char *token, const char *value) {
  const char *at;
  while ((at = strstr(text, token)) != NULL) {
    text = scratch_format(stage->scene.scratch, "%.*s%s%s", (int)(at - text),
                          text, value, at + strlen(token));
  }
  return text;
}

static const char *fill_config(struct stage *stage, const char *text) {
  static const enum odd_config kConfigs[] = {
#define X(name) name,
      ODD_CONFIGS(X)
#undef X
  };
  for (size_t i = 0; i < sizeof(kConfigs) / sizeof(kConfigs[0]); i++) {
    uint8_t list[kOddConfigSize];
    size_t len = odd_config_write(list, kConfigs[i]);
    text = fill(stage, text,
                scratch_format(stage->scene.scratch, "@%s",
                               odd_config_str(kConfigs[i])),
                base64(stage, list, len));
  }
  return text;
}

const char *stage_fill(struct stage *stage, const struct cell *cell,
                       const char *text) {
  size_t len;
  const uint8_t *list = ech_key_config_list(stage->scene.ech, &len);
  text = fill(stage, text, "@ECH", base64(stage, list, len));
  if (strstr(text, "@CONFIG_") != NULL) {
    text = fill_config(stage, text);
  }
  text = fill(stage, text, "@H", cell->host);
  return fill(stage, text, "@P",
              scratch_format(stage->scene.scratch, "%u", tap_port(cell->tap)));
}

static void start_dns(struct stage *stage) {
  static const char *records[kMaxCells * kCellMaxRecords + 1];
  size_t num = 0;
  for (size_t i = 0; i < stage->num_cells; i++) {
    const struct cell *cell = &stage->cells[i];
    for (size_t j = 0; j < kCellMaxRecords && cell->row->records[j] != NULL;
         j++) {
      records[num++] = stage_fill(stage, cell, cell->row->records[j]);
    }
  }
  scene_start_dns(&stage->scene, records);
  stage->resolver_taps[UNBOUND] = tap_new(stage->scene.resolver_port);
}

static void start_bad_resolver(struct stage *stage) {
  struct scratch *s = stage->scene.scratch;
  const char *const argv[] = {"/usr/bin/python3",
                              TEST_PEERS_DIR "/bad_resolver.py",
                              scratch_path(s, "resolver.crt"),
                              scratch_path(s, "resolver.key"),
                              "by-name",
                              NULL};
  stage->bad_resolver = peer_start(argv, NULL);
  const char *line = peer_wait_line(stage->bad_resolver, "resolver on ", 20000);
  cr_assert_not_null(line, "%s", peer_output(stage->bad_resolver));
  stage->resolver_taps[BAD_RESOLVER] =
      tap_new((uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10));
}

static void start_proxies(struct stage *stage) {
  static const char *const kModes[] = {"prefer", "strict"};
  for (int mode = 0; mode < kNumModes; mode++) {
    for (int i = 0; i < kNumResolvers; i++) {
      stage->scene.resolver_port = tap_port(stage->resolver_taps[i]);
      scene_start_proxy(&stage->scene, (const char *const[]){
                                           "-v", "--mode", kModes[mode], NULL});
      stage->proxies[mode][i] = stage->scene.proxy;
    }
  }
  stage->scene.proxy = NULL;
}

struct stage *stage_open(void) {
  struct stage *stage = calloc(1, sizeof(*stage));
  cr_assert_not_null(stage);
  stage->cells = calloc(kMaxCells, sizeof(*stage->cells));
  cr_assert_not_null(stage->cells);
  stage->num_rows = kNumRows;
  scene_open(&stage->scene);
  scene_keygen(&stage->scene, "new.pem", kPublicName);
  make_certs(stage);
  start_servers(stage);
  add_cells(stage);
  start_dns(stage);
  start_bad_resolver(stage);
  start_proxies(stage);
  return stage;
}

void stage_close(struct stage *stage) {
  for (int mode = 0; mode < kNumModes; mode++) {
    for (int i = 0; i < kNumResolvers; i++) {
      proxy_process_stop(stage->proxies[mode][i]);
    }
  }
  for (size_t i = 0; i < stage->num_cells; i++) {
    tap_free(stage->cells[i].tap);
    scripted_site_free(stage->cells[i].site);
  }
  for (size_t i = 0; i <= NOBODY; i++) {
    peer_free(stage->servers[i]);
  }
  close(stage->nobody);
  peer_free(stage->bad_resolver);
  for (int i = 0; i < kNumResolvers; i++) {
    tap_free(stage->resolver_taps[i]);
  }
  test_cert_free(stage->wrong_cert);
  scene_close(&stage->scene);
  free(stage->cells);
  free(stage);
}

struct proxy_process *stage_proxy(const struct stage *stage,
                                  const struct cell *cell) {
  return stage
      ->proxies[cell->mode][cell->row->fault == NULL ? UNBOUND : BAD_RESOLVER];
}
