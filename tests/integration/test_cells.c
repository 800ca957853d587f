#include <criterion/criterion.h>
#include <ctype.h>
#include <openssl/base64.h>
#include <openssl/mem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/cell_rows.h"
#include "support/bssl_server.h"
#include "support/loopback.h"
#include "support/nss_server.h"

// The table is played by one proxy for each mode and resolver. Every cell, a
// row in one mode, has a name and a tap of its own, so that many run at a time;
// in the end no name may stand on any tap but its own.

enum {
  kNumRows = sizeof(kRows) / sizeof(kRows[0]),
  kMaxCells = 2 * kNumRows,
  kMaxAtOnce = 8,      // that end soon
  kFetchSeconds = 40,  // more than any deadline
  kLogMs = 5000,
  kPointLen = 64,  // of P-256, without the octet that says how it is written
};

enum mode { PREFER, STRICT, kNumModes };

enum resolver { UNBOUND, BAD_RESOLVER, kNumResolvers };

struct cell {
  const struct cell_row *row;
  const struct cell_expected *expected;
  enum mode mode;
  const char *host;
  uint16_t port;
  struct tap *tap;
  struct scripted_site *site;
  struct peer *curl;
};

struct stage {
  struct scene scene;
  uint8_t site_point[kPointLen];  // the public key in the sites' certificate
  struct test_cert *public_cert;
  struct test_cert *wrong_cert;
  struct peer *servers[NOBODY + 1];
  uint16_t ports[NOBODY + 1];
  struct tap *resolver_taps[kNumResolvers];
  struct peer *bad_resolver;
  struct proxy_process *proxies[kNumModes][kNumResolvers];
  struct cell cells[kMaxCells];
  size_t num_cells;
  size_t num_failed;
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
  stage->ports[NOBODY] = loopback_free_port();
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

static const char *fill_record(struct stage *stage, const struct cell *cell,
                               const char *record) {
  size_t len;
  const uint8_t *list = ech_key_config_list(stage->scene.ech, &len);
  record = fill(stage, record, "@ECH", base64(stage, list, len));
  if (strstr(record, "@CONFIG_") != NULL) {
    record = fill_config(stage, record);
  }
  record = fill(stage, record, "@H", cell->host);
  return fill(stage, record, "@P",
              scratch_format(stage->scene.scratch, "%u", tap_port(cell->tap)));
}

static void start_dns(struct stage *stage) {
  static const char *records[kMaxCells * kCellMaxRecords + 1];
  size_t num = 0;
  for (size_t i = 0; i < stage->num_cells; i++) {
    const struct cell *cell = &stage->cells[i];
    for (size_t j = 0; j < kCellMaxRecords && cell->row->records[j] != NULL;
         j++) {
      records[num++] = fill_record(stage, cell, cell->row->records[j]);
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

static struct stage *stage_open(void) {
  struct stage *stage = calloc(1, sizeof(*stage));
  cr_assert_not_null(stage);
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

static void stage_close(struct stage *stage) {
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
  peer_free(stage->bad_resolver);
  for (int i = 0; i < kNumResolvers; i++) {
    tap_free(stage->resolver_taps[i]);
  }
  test_cert_free(stage->wrong_cert);
  scene_close(&stage->scene);
  free(stage);
}

// Playing.

static struct proxy_process *proxy_of(const struct stage *stage,
                                      const struct cell *cell) {
  return stage
      ->proxies[cell->mode][cell->row->fault == NULL ? UNBOUND : BAD_RESOLVER];
}

static void start_cell(struct stage *stage, struct cell *cell) {
  const char *const args[] = {cell->row->option, NULL};
  stage->scene.proxy = proxy_of(stage, cell);
  cell->curl = scene_start_fetch(
      &stage->scene,
      &(struct scene_fetch){
          .way = cell->row->way,
          .host = cell->host,
          .port = cell->port,
          .scheme = cell->row->scheme,
          .trust_root_only = cell->expected->outcome == PASSED,
          .args = args},
      kFetchSeconds);
  stage->scene.proxy = NULL;
}

static void fail_cell(struct stage *stage, struct cell *cell,
                      const char *what) {
  stage->num_failed++;
  fprintf(stderr, "FAILED [%s] %s (%s): %s\n%.300s\n",
          cell->mode == PREFER ? "prefer" : "strict", cell->row->name,
          cell->host, what, peer_output(cell->curl));
}

// Whether one of the texts that '|' parts in `any` is in `text`.
static bool has_any(const char *text, const char *any) {
  while (any != NULL) {
    const char *end = strchr(any, '|');
    size_t len = end == NULL ? strlen(any) : (size_t)(end - any);
    if (memmem(text, strlen(text), any, len) != NULL) {
      return true;
    }
    any = end == NULL ? NULL : end + 1;
  }
  return false;
}

// The proxy's last word about the cell, or NULL.
static const char *log_line(struct stage *stage, const struct cell *cell) {
  struct scratch *s = stage->scene.scratch;
  size_t len = strlen(cell->host);
  len -= cell->host[len - 1] == '.' ? 1 : 0;
  const char *where =
      scratch_format(s, " %.*s:%u ", (int)len, cell->host, cell->port);
  for (int waited_ms = 0; waited_ms < kLogMs; waited_ms += 50) {
    const char *log = peer_output(proxy_process_peer(proxy_of(stage, cell)));
    const char *at = strcasestr(log, where);
    const char *end = at == NULL ? NULL : strchr(at, '\n');
    if (end != NULL) {
      const char *start = at;
      while (start > log && start[-1] != '\n') {
        start--;
      }
      return scratch_format(s, "%.*s", (int)(end - start), start);
    }
    poll(NULL, 0, 50);
  }
  return NULL;
}

// A request that is malformed opens no tunnel to log.
static const char *check_log(struct stage *stage, struct cell *cell) {
  static const char *const kVerdicts[] = {[PRIVATE] = " hidden ",
                                          [PASSED] = " passed through ",
                                          [PAGE] = " refused ",
                                          [REFUSED] = " refused ",
                                          [DROPPED] = " refused ",
                                          [UPGRADED] = " upgraded to https ",
                                          [FORWARDED] = " passed through "};
  const struct cell_expected *expected = cell->expected;
  if (expected->status == 400) {
    return NULL;
  }
  const char *line = log_line(stage, cell);
  if (line == NULL) {
    return "the log does not name it";
  }
  if (strstr(line, kVerdicts[expected->outcome]) == NULL) {
    return scratch_format(stage->scene.scratch, "another verdict: %s", line);
  }
  if (expected->cause != NULL && !has_any(line, expected->cause)) {
    return scratch_format(stage->scene.scratch, "another cause: %s", line);
  }
  return NULL;
}

// What curl must have written besides.
static const char *answer_of(struct stage *stage, const struct cell *cell,
                             const char *output) {
  struct scratch *s = stage->scene.scratch;
  const struct cell_expected *expected = cell->expected;
  switch (expected->outcome) {
    case PAGE:
      return has_any(output, expected->cause) ? "502 1.1" : expected->cause;
    case REFUSED:
      if (cell->row->way == SCENE_SOCKS5) {
        return "";
      }
      return cell->row->scheme == NULL
                 ? scratch_format(s, "response %d", expected->status)
                 : scratch_format(s, "%d 1.1", expected->status);
    case UPGRADED:
      return "307 1.1";
    case DROPPED:
      return "";
    default:
      return cell->row->body == NULL ? "hello from the site" : cell->row->body;
  }
}

static bool is_error(const struct cell *cell) {
  return cell->expected->outcome == DROPPED ||
         (cell->expected->outcome == REFUSED && cell->row->scheme == NULL);
}

static const char *check_answer(struct stage *stage, struct cell *cell) {
  struct scratch *s = stage->scene.scratch;
  int exit_code = peer_wait(cell->curl, (kFetchSeconds + 5) * 1000);
  const char *output = scratch_format(s, "%s", peer_output(cell->curl));
  if (is_error(cell) ? exit_code == 0 || exit_code == 28 : exit_code != 0) {
    return scratch_format(s, "curl exited with %d", exit_code);
  }
  const char *answer = answer_of(stage, cell, output);
  if (strstr(output, answer) == NULL) {
    return scratch_format(s, "the answer lacks '%s'", answer);
  }
  return NULL;
}

static const char *check_wire(struct stage *stage, struct cell *cell) {
  bool name = tap_contains_text(cell->tap, cell->host) ||
              tap_contains_piece(cell->tap, stage->site_point, kPointLen);
  bool public = tap_contains_text(cell->tap, kPublicName);
  switch (cell->expected->wire) {
    case WIRE_PUBLIC:
      return name     ? "the wire shows the site"
             : public ? NULL
                      : "the wire does not show the public name";
    case WIRE_NAME:
      return !name     ? "the wire does not show the site"
             : !public ? NULL
                       : "the wire shows the public name";
    case WIRE_BOTH:
      return name && public ? NULL : "the wire does not show both names";
    case WIRE_HIDDEN:
      return tap_contains_text(cell->tap, cell->host)
                 ? "the wire shows the site"
                 : NULL;
    case WIRE_NOTHING:
      break;
  }
  return tap_num_bytes(cell->tap) == 0 ? NULL : "the wire is not silent";
}

static void finish_cell(struct stage *stage, struct cell *cell) {
  const char *wrong = check_answer(stage, cell);
  wrong = wrong != NULL ? wrong : check_log(stage, cell);
  wrong = wrong != NULL ? wrong : check_wire(stage, cell);
  if (wrong != NULL) {
    fail_cell(stage, cell, wrong);
  }
  peer_free(cell->curl);
  cell->curl = NULL;
}

static void start_slow(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    if (stage->cells[i].row->is_slow) {
      start_cell(stage, &stage->cells[i]);
    }
  }
}

static void play_quick(struct stage *stage) {
  struct cell *running[kMaxAtOnce] = {NULL};
  size_t num = 0;
  for (size_t i = 0; i < stage->num_cells; i++) {
    struct cell *cell = &stage->cells[i];
    if (cell->row->is_slow) {
      continue;
    }
    struct cell **place = &running[num++ % kMaxAtOnce];
    if (*place != NULL) {
      finish_cell(stage, *place);
    }
    *place = cell;
    start_cell(stage, cell);
  }
  for (size_t i = 0; i < kMaxAtOnce; i++) {
    if (running[i] != NULL) {
      finish_cell(stage, running[i]);
    }
  }
}

static void finish_slow(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    if (stage->cells[i].row->is_slow) {
      finish_cell(stage, &stage->cells[i]);
    }
  }
}

// No name below site.test stands anywhere but on the tap of a cell that expects
// it.
static void assert_names_stayed_where_they_may(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    const struct cell *cell = &stage->cells[i];
    if (cell->expected->wire == WIRE_PUBLIC ||
        cell->expected->wire == WIRE_HIDDEN ||
        cell->expected->wire == WIRE_NOTHING) {
      cr_expect(!tap_contains_text(cell->tap, "site.test"), "%s",
                cell->row->name);
    }
    if (strcasestr(cell->host, "site.test") == NULL) {
      continue;
    }
    for (size_t j = 0; j < stage->num_cells; j++) {
      struct tap *tap = stage->cells[j].tap;
      cr_expect(strcmp(cell->host, stage->cells[j].host) == 0 ||
                    !tap_contains_text(tap, cell->host),
                "%s on the wire of %s", cell->host, stage->cells[j].host);
    }
  }
  for (int i = 0; i < kNumResolvers; i++) {
    cr_expect_gt(tap_num_bytes(stage->resolver_taps[i]), 0);
    cr_expect(!tap_contains_text(stage->resolver_taps[i], "site"));
    cr_expect(!tap_contains_text(stage->resolver_taps[i], "public"));
  }
}

Test(cells, end_as_the_table_says_and_show_what_it_says, .timeout = 220) {
  struct stage *stage = stage_open();
  start_slow(stage);
  play_quick(stage);
  finish_slow(stage);
  assert_names_stayed_where_they_may(stage);
  printf("%zu rows, %zu cells, %zu failed\n", (size_t)kNumRows,
         stage->num_cells, stage->num_failed);
  fflush(stdout);
  cr_expect_eq(stage->num_failed, 0);
  stage_close(stage);
}
