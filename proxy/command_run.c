#include "proxy/command_run.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <uv.h>

#include "ech/lookup.h"
#include "ech/origin.h"
#include "keys/ca.h"
#include "keys/leaf.h"
#include "net/xalloc.h"
#include "proxy/greeter.h"
#include "proxy/lifecycle.h"
#include "proxy/listener.h"
#include "proxy/options.h"
#include "proxy/proxy.h"
#include "proxy/state_dir.h"
#include "proxy/trust.h"
#include "proxy/usage.h"

enum {
  kMaxLeaves = 1024,
  kMaxFiles = 1024 * 1024,
  kSpareFiles = 64,  // for the program itself: libraries, resolvers, the loop
};

// What the proxy stands on, in the order in which it is made.
struct run {
  struct options options;
  struct ca *ca;
  char *ca_pem;
  struct trust trust;
  struct leaf_cache *leaves;
  struct proxy proxy;
  struct lifecycle *lifecycle;
};

// Raises the limit of open files as far as allowed, and returns how many
// connections that lets in: each has a browser's side and a site's.
static size_t max_connections(void) {
  struct rlimit files = {1024, 1024};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < kMaxFiles ? files.rlim_max : kMaxFiles;
  setrlimit(RLIMIT_NOFILE, &files);
  return files.rlim_cur < 2 * kSpareFiles
             ? kSpareFiles / 4
             : (size_t)(files.rlim_cur - kSpareFiles) / 2;
}

static char *certificate_pem(X509 *certificate) {
  char *pem = NULL;
  const uint8_t *data;
  size_t len;
  BIO *bio = BIO_new(BIO_s_mem());
  if (bio != NULL && PEM_write_bio_X509(bio, certificate) == 1 &&
      BIO_mem_contents(bio, &data, &len) == 1) {
    pem = xcalloc(len + 1, 1);
    memcpy(pem, data, len);
  }
  BIO_free(bio);
  return pem;
}

static bool open_ca(struct run *r, struct key_error *out_error) {
  char *dir = state_dir_path(r->options.state_dir);
  if (dir == NULL) {
    key_error_set(out_error,
                  "there is no home directory to keep the CA in; name a "
                  "directory with --state-dir DIR");
    return false;
  }
  r->ca = ca_open(dir, out_error);
  free(dir);
  if (r->ca == NULL) {
    return false;
  }
  r->ca_pem = certificate_pem(ca_certificate(r->ca));
  return true;
}

static bool open_proxy(struct run *r, struct key_error *out_error) {
  struct proxy *p = &r->proxy;
  r->leaves = leaf_cache_new(r->ca, kMaxLeaves);
  p->greeter = r->leaves != NULL ? greeter_new(r->leaves) : NULL;
  if (p->greeter == NULL) {
    key_error_set(out_error, "BoringSSL could not be set up");
    return false;
  }
  p->worker = worker_new();
  p->resolver =
      options_resolver_new(&r->options, p->worker, r->trust.resolvers);
  p->origin = origin_new(p->worker, r->trust.sites);
  p->ca_path = ca_path(r->ca);
  p->ca_pem = r->ca_pem;
  p->log = &r->options.log;
  p->mode = r->options.mode;
  p->sites = r->options.sites;
  p->upstream = r->options.upstream;
  return true;
}

static bool start_listening(struct run *r) {
  char text[kAddressTextSize];
  struct address bound;
  int err = 0;
  struct listener *listener = listener_open(
      &r->proxy, &bound, &err, &r->options.listen, max_connections());
  if (listener == NULL) {
    log_error(&r->options.log,
              "cannot listen on %s: %s; choose another with --listen ADDR:PORT",
              address_format(text, &r->options.listen), uv_strerror(err));
    return false;
  }
  r->lifecycle = lifecycle_open(&r->proxy, listener, r->leaves);
  log_notice(&r->options.log, "the CA's certificate, for browsers to trust: %s",
             ca_path(r->ca));
  printf("listening on %s\n", address_format(text, &bound));
  fflush(stdout);
  return true;
}

static int serve(struct run *r) {
  struct key_error error;
  if (!open_ca(r, &error) ||
      !trust_init(&r->trust, &error, &r->options, ca_certificate(r->ca))) {
    log_error(&r->options.log, "%s", error.text);
    return EX_CONFIG;
  }
  if (!open_proxy(r, &error)) {
    log_error(&r->options.log, "%s", error.text);
    return EX_SOFTWARE;
  }
  if (!start_listening(r)) {
    return EX_UNAVAILABLE;
  }
  worker_run(r->proxy.worker);
  return EX_OK;
}

// Takes everything down. False when something of the worker's was left open.
static bool take_down(struct run *r) {
  struct proxy *p = &r->proxy;
  int err = 0;
  if (p->worker != NULL) {
    lifecycle_close(r->lifecycle);
    proxy_close_all(p);
    resolver_free(p->resolver);
    // Last words to browsers may still be on their way, within a time limit.
    worker_run(p->worker);
    origin_free(p->origin);
    err = worker_free(p->worker);
  }
  if (p->greeter != NULL) {
    greeter_free(p->greeter);
  }
  if (r->leaves != NULL) {
    leaf_cache_free(r->leaves);
  }
  trust_cleanup(&r->trust);
  free(r->ca_pem);
  ca_free(r->ca);
  if (err != 0) {
    log_error(&r->options.log, "the event loop was not empty at the end: %s",
              uv_strerror(err));
  }
  return err == 0;
}

int command_run(int argc, char **argv) {
  struct run r = {0};
  struct options_error error;
  int code = EX_OK;
  umask(077);  // files that only their owner can read
  signal(SIGPIPE, SIG_IGN);
  if (!options_parse(&r.options, &error, OPTIONS_RUN, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (r.options.help) {
    fputs(usage_run(), stdout);
  } else {
    code = serve(&r);
    if (!take_down(&r)) {
      code = EX_SOFTWARE;
    }
  }
  options_cleanup(&r.options);
  return code;
}
