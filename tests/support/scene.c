#include "support/scene.h"

#include <criterion/criterion.h>
#include <openssl/mem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Set by CMake: the programs that are built here, and where site.py is.
#ifndef ECHPROXY_BINARY
#error "ECHPROXY_BINARY, ECH_ORIGIN_BINARY and TEST_PEERS_DIR are not set"
#endif

enum { kMaxArgs = 48, kStartMs = 20000, kRunMs = 120000 };

// Appends `more` (NULL at its end, or NULL) to `argv`.
static void append_args(const char *argv[kMaxArgs], const char *const more[]) {
  size_t num = 0;
  while (argv[num] != NULL) {
    num++;
  }
  for (; more != NULL && *more != NULL; more++) {
    cr_assert_lt(num, (size_t)kMaxArgs - 1);
    argv[num++] = *more;
  }
  argv[num] = NULL;
}

struct test_cert *scene_cert(struct scene *scene, const char *file,
                             const char *names) {
  struct test_cert *cert = test_cert_new(
      &(struct test_cert_spec){.names = names, .issuer = scene->root});
  scratch_cert(scene->scratch, file, cert);
  return cert;
}

static void make_certs(struct scene *scene) {
  scene->root = test_cert_new(&(struct test_cert_spec){.is_ca = true});
  scratch_cert(scene->scratch, "root", scene->root);
  scene->site_cert = scene_cert(scene, "site", "DNS:secret.test");
  scene->public_cert = scene_cert(scene, "public", "DNS:public.test");
  test_cert_free(scene_cert(scene, "resolver", "IP:127.0.0.1"));
  int len = i2d_X509(scene->site_cert->cert, &scene->site_der);
  cr_assert_gt(len, 0);
  scene->site_der_len = (size_t)len;
}

const char *scene_keygen_as(struct scene *scene, const char *file,
                            const char *public_name, const char *format) {
  struct program program;
  const char *path = scratch_path(scene->scratch, file);
  const char *const argv[] = {
      ECHPROXY_BINARY,
      "keygen",
      public_name,
      "--out",
      path,
      "--format",
      format,
      "--name",
      kSiteName,
      "--port",
      scratch_format(scene->scratch, "%u", tap_port(scene->tap)),
      NULL};
  program_run(&program, argv, proxy_process_env(scene->scratch), kStartMs);
  cr_assert_eq(program.exit_code, 0, "keygen: %s", program.err);
  program.out[strcspn(program.out, "\n")] = '\0';
  scene->zone_line = scratch_format(scene->scratch, "%s", program.out);
  program_cleanup(&program);
  proxy_process_assert_clean(scene->scratch);
  return path;
}

const char *scene_keygen(struct scene *scene, const char *file,
                         const char *public_name) {
  return scene_keygen_as(scene, file, public_name, "pem");
}

void scene_open(struct scene *scene) {
  *scene = (struct scene){.scratch = scratch_new(),
                          .tap = tap_new(0),
                          .proxy_binary = ECHPROXY_BINARY};
  make_certs(scene);
  scene->ech_path = scene_keygen(scene, "ech.pem", kPublicName);
  size_t len;
  const char *pem = scratch_read(scene->scratch, scene->ech_path, &len);
  struct key_error error;
  scene->ech = ech_key_from_pem((const uint8_t *)pem, len, &error);
  cr_assert_not_null(scene->ech, "%s", error.text);
}

void scene_close(struct scene *scene) {
  proxy_process_stop(scene->proxy);
  unbound_stop(scene->dns);
  peer_free(scene->origin);
  peer_free(scene->backend);
  tap_free(scene->tap);
  ech_key_free(scene->ech);
  OPENSSL_free(scene->site_der);
  test_cert_free(scene->site_cert);
  test_cert_free(scene->public_cert);
  test_cert_free(scene->root);
  scratch_free(scene->scratch);
}

// The port at the end of a line that a program has written.
static uint16_t wait_for_port(struct peer *peer, const char *text) {
  const char *line = peer_wait_line(peer, text, kStartMs);
  cr_assert_not_null(line, "%s", peer_output(peer));
  return (uint16_t)atoi(strrchr(line, ':') + 1);
}

struct peer *scene_run_origin(const char *const args[], uint16_t *out_port) {
  const char *argv[kMaxArgs] = {ECH_ORIGIN_BINARY};
  append_args(argv, args);
  struct peer *origin = peer_start(argv, NULL);
  *out_port = wait_for_port(origin, "listening on ");
  return origin;
}

void scene_start_origin(struct scene *scene, const char *const args[]) {
  scene->origin = scene_run_origin(args, &scene->origin_port);
  tap_set_origin(scene->tap, scene->origin_port);
}

const char *scene_start_backend(struct scene *scene) {
  const char *const argv[] = {"/usr/bin/python3", TEST_PEERS_DIR "/site.py",
                              NULL};
  scene->backend = peer_start(argv, NULL);
  return scratch_format(scene->scratch, "%u",
                        wait_for_port(scene->backend, "site on "));
}

static const char *or_else(const char *given, const char *otherwise) {
  return given == NULL ? otherwise : given;
}

void scene_start_odd_site(struct scene *scene,
                          const struct scene_origin *origin) {
  struct scratch *s = scene->scratch;
  const char *site = scratch_path(s, or_else(origin->site, "site"));
  const char *public = scratch_path(s, or_else(origin->public, "public"));
  const char *ech = or_else(origin->ech, scene->ech_path);
  const char *args[kMaxArgs] = {"--site",
                                scratch_format(s, "%s.crt", site),
                                scratch_format(s, "%s.key", site),
                                "--public",
                                kPublicName,
                                scratch_format(s, "%s.crt", public),
                                scratch_format(s, "%s.key", public),
                                "--backend",
                                scene_start_backend(scene)};
  if (ech[0] != '\0') {
    append_args(args, (const char *const[]){"--ech", ech, NULL});
  }
  if (origin->client_ca != NULL) {
    const char *ca =
        scratch_format(s, "%s.crt", scratch_path(s, origin->client_ca));
    append_args(args, (const char *const[]){"--client-ca", ca, NULL});
  }
  if (origin->only_h1) {
    append_args(args, (const char *const[]){"--h1", NULL});
  }
  scene_start_origin(scene, args);
}

void scene_start_site(struct scene *scene) {
  scene_start_odd_site(scene, &(struct scene_origin){0});
}

void scene_start_long_site(struct scene *scene) {
  const char *names = "DNS:secret.test";
  for (int i = 0; i < 100; i++) {
    names =
        scratch_format(scene->scratch, "%s,DNS:another-%03d.test", names, i);
  }
  struct test_cert *cert = scene_cert(scene, "long", names);
  cr_assert_gt(i2d_X509(cert->cert, NULL), kSceneLongCert);
  test_cert_free(cert);
  scene_start_odd_site(scene, &(struct scene_origin){.site = "long"});
}

void scene_start_echo(struct scene *scene) {
  struct scratch *s = scene->scratch;
  scene_start_origin(
      scene, (const char *const[]){"--site", scratch_path(s, "site.crt"),
                                   scratch_path(s, "site.key"), "--ech",
                                   scene->ech_path, NULL});
}

void scene_start_dns(struct scene *scene, const char *const records[]) {
  const char *const site[] = {scene->zone_line, "secret.test. A 127.0.0.1",
                              "plain.test. A 127.0.0.1", NULL};
  scene->dns = unbound_start(scene->scratch, "resolver",
                             records == NULL ? site : records);
  scene->resolver_port = unbound_port(scene->dns);
}

const char *const *scene_names(struct scene *scene) {
  static const char *names[9];
  struct scratch *s = scene->scratch;
  const char *args[] = {
      "--resolver",
      scratch_format(s, "https://127.0.0.1:%u/dns-query", scene->resolver_port),
      "--resolver-ca",
      scratch_path(s, "root.crt"),
      "--upstream-ca",
      scratch_path(s, "root.crt"),
      "--state-dir",
      scratch_path(s, "state"),
  };
  memcpy(names, args, sizeof(args));
  return names;
}

void scene_start_proxy(struct scene *scene, const char *const args[]) {
  const char *argv[kMaxArgs] = {NULL};
  append_args(argv, scene_names(scene));
  append_args(argv, args);
  scene->proxy = proxy_process_start(scene->scratch, scene->proxy_binary, argv);
}

const char *scene_write_config(struct scene *scene, const char *names,
                               const char *more) {
  struct scratch *s = scene->scratch;
  const char *usual = scratch_format(
      s,
      "[proxy]\nupstream-ca = root.crt\n[resolver]\nresolver-ca = root.crt\n"
      "resolver = https://127.0.0.1:%u/dns-query\n",
      scene->resolver_port);
  const char *text = scratch_format(s, "%s%s", or_else(names, usual), more);
  return scratch_write(s, "echproxy.conf", text, strlen(text));
}

void scene_start_by_file(struct scene *scene, const char *config,
                         const char *const args[]) {
  const char *argv[kMaxArgs] = {"-c", config, "--state-dir",
                                scratch_path(scene->scratch, "state"), NULL};
  append_args(argv, args);
  scene->proxy = proxy_process_start(scene->scratch, scene->proxy_binary, argv);
}

void scene_start(struct scene *scene) {
  scene_start_site(scene);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, NULL);
}

// curl's options for the way and the trust of `fetch`.
static void add_way(const char *argv[kMaxArgs], struct scene *scene,
                    const struct scene_fetch *fetch, const char *host_port) {
  struct scratch *s = scene->scratch;
  bool direct = fetch->way == SCENE_DIRECT;
  const char *ca =
      direct || fetch->trust_root_only ? "root.crt" : "state/ca.pem";
  append_args(argv,
              (const char *const[]){"--cacert", scratch_path(s, ca), NULL});
  if (direct) {
    const char *to = scratch_format(s, "%s:127.0.0.1:%s", host_port,
                                    strrchr(host_port, ':') + 1);
    append_args(argv, (const char *const[]){"--connect-to", to, NULL});
    return;
  }
  const char *scheme = fetch->way == SCENE_SOCKS5 ? "socks5h" : "http";
  append_args(argv, (const char *const[]){
                        "--proxy",
                        scratch_format(s, "%s://127.0.0.1:%u", scheme,
                                       proxy_process_port(scene->proxy)),
                        NULL});
}

// Writes curl's command line to `argv`.
static void fetch_args(const char *argv[kMaxArgs], struct scene *scene,
                       const struct scene_fetch *fetch, unsigned max_seconds) {
  struct scratch *s = scene->scratch;
  const char *const always[] = {
      "curl",        "-q",
      "--silent",    "--show-error",
      "--noproxy",   "",
      "--max-time",  scratch_format(s, "%u", max_seconds),
      "--write-out", "%{stderr}%{http_code} %{http_version} %{time_total}\n",
      NULL};
  argv[0] = NULL;
  append_args(argv, always);
  const char *host_port =
      scratch_format(s, "%s:%u", or_else(fetch->host, kSiteName),
                     fetch->port == 0 ? tap_port(scene->tap) : fetch->port);
  add_way(argv, scene, fetch, host_port);
  append_args(argv, fetch->args);
  const char *url =
      scratch_format(s, "%s://%s%s", or_else(fetch->scheme, "https"), host_port,
                     or_else(fetch->path, "/"));
  append_args(argv, (const char *const[]){url, NULL});
}

void scene_run_fetch(struct program *out, struct scene *scene,
                     const struct scene_fetch *fetch) {
  const char *argv[kMaxArgs];
  fetch_args(argv, scene, fetch, 100);
  program_run(out, argv, NULL, kRunMs);
}

size_t scene_fetch_bytes(struct scene *scene) {
  struct program curl;
  tap_clear(scene->tap);
  scene_run_fetch(&curl, scene, &(struct scene_fetch){0});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  proxy_process_wait_idle(scene->proxy, 12000);
  scene_assert_hidden(scene);
  return tap_num_bytes(scene->tap);
}

struct peer *scene_start_fetch(struct scene *scene,
                               const struct scene_fetch *fetch,
                               unsigned max_seconds) {
  const char *argv[kMaxArgs];
  fetch_args(argv, scene, fetch, max_seconds);
  return peer_start(argv, NULL);
}

void scene_assert_hidden(struct scene *scene) {
  tap_assert_hidden(scene->tap, kSiteName, kPublicName, scene->site_der,
                    scene->site_der_len);
}
