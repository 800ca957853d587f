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
#include <unistd.h>
#include <uv.h>

#include "ech/resolver_health.h"
#include "keys/ca.h"
#include "keys/leaf.h"
#include "net/splice.h"
#include "net/xalloc.h"
#include "proxy/config.h"
#include "proxy/crew.h"
#include "proxy/greeter.h"
#include "proxy/lifecycle.h"
#include "proxy/local_site.h"
#include "proxy/log_sink.h"
#include "proxy/options.h"
#include "proxy/proxy.h"
#include "proxy/reload.h"
#include "proxy/rule_desk.h"
#include "proxy/running_file.h"
#include "proxy/service_manager.h"
#include "proxy/state_dir.h"
#include "proxy/usage.h"
#include "status/advice.h"
#include "status/journal.h"
#include "status/tally.h"

enum {
  kMaxLeaves = 16384,
  kMaxFiles = 1024 * 1024,
  kSpareFiles = 64,   // for the program itself
  kWorkerFiles = 16,  // for each worker: its loop, its resolvers' sessions
  kMinConnections = 16,
  kMaxWorkersUnasked = 4,
};

// What the proxy stands on, in the order in which it is made.
struct run {
  struct log_sink *sink;
  struct service_sockets sockets;  // to listen on in place of options.listen
  struct ca *ca;
  char *ca_pem;
  struct config *config;  // to begin with; NULL once the crew runs
  struct local_site *local;
  struct running_files *running;  // NULL: not written yet
  struct leaf_cache *leaves;
  struct proxy_limit limit;
  struct proxy common;  // what all workers share
  struct crew *crew;
  struct reload *reload;
  struct rule_desk *rules;
  struct lifecycle *lifecycle;
  struct log_ticker *ticker;
};

// Raises the limit of open files as far as allowed, and returns it.
static size_t max_files(void) {
  struct rlimit files = {1024, 1024};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max < kMaxFiles ? files.rlim_max : kMaxFiles;
  setrlimit(RLIMIT_NOFILE, &files);
  return (size_t)files.rlim_cur;
}

// limit_set shares `files` out: a connection has a browser's side and a site's,
// a pipe has two ends, and all pipes together are at most an eighth.
static void limit_set(struct proxy_limit *limit, size_t files,
                      size_t num_workers) {
  size_t pipes = files / 16 / num_workers;
  pipes = pipes == 0 ? 1 : pipes < kSpliceMaxPipes ? pipes : kSpliceMaxPipes;
  size_t spare = kSpareFiles + num_workers * (kWorkerFiles + 2 * pipes);
  size_t connections = files > spare ? (files - spare) / 2 : 0;
  limit->max_pipes = (unsigned)pipes;
  limit->max_connections =
      connections > kMinConnections ? connections : kMinConnections;
}

// Returns how many workers the user wants, or else one for each core that the
// program may run on, up to a few: the others have more to do.
static size_t num_workers(const struct options *options) {
  if (options->num_workers != 0) {
    return options->num_workers;
  }
  size_t cores = uv_available_parallelism();
  return cores < kMaxWorkersUnasked ? cores : kMaxWorkersUnasked;
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

static bool open_ca(struct run *r, const struct options *options,
                    struct key_error *out_error) {
  char *dir = state_dir_path(options->state_dir);
  if (dir == NULL) {
    key_error_set(out_error,
                  "there is no home directory to keep the CA in; name a "
                  "directory with --state-dir DIR");
    return false;
  }
  r->ca = ca_open(dir, out_error);
  if (r->ca != NULL) {
    r->ca_pem = certificate_pem(ca_certificate(r->ca));
    r->local = local_site_new(dir, ca_certificate(r->ca));
  }
  free(dir);
  return r->ca != NULL;
}

static bool open_common(struct run *r, struct key_error *out_error) {
  struct proxy *p = &r->common;
  r->leaves = leaf_cache_new(r->ca, kMaxLeaves);
  p->greeter = r->leaves != NULL ? greeter_new(r->leaves) : NULL;
  if (p->greeter == NULL) {
    key_error_set(out_error, "BoringSSL could not be set up");
    return false;
  }
  p->limit = &r->limit;
  p->ca_path = ca_path(r->ca);
  p->ca_pem = r->ca_pem;
  p->local = r->local;
  p->journal = journal_new(kJournalMaxVisits);
  p->tally = tally_new();
  p->advice = advice_book_new();
  p->resolver_health = resolver_health_new();
  return true;
}

static void close_common(struct run *r) {
  struct proxy *p = &r->common;
  resolver_health_free(p->resolver_health);
  advice_book_free(p->advice);
  tally_free(p->tally);
  journal_free(p->journal);
  greeter_free(p->greeter);
  leaf_cache_free(r->leaves);
}

static bool open_crew(struct run *r, int argc, char **argv) {
  size_t num = num_workers(&r->config->options);
  size_t files = max_files();
  if (files < num * kWorkerFiles) {
    log_error(&r->config->options.log,
              "%zu workers need %zu open files, and %zu are allowed; choose "
              "fewer with --workers N, or raise the limit (ulimit -n)",
              num, num * kWorkerFiles, files);
    return false;
  }
  limit_set(&r->limit, files, num);
  r->crew = crew_new(num, &r->common, r->config);
  r->reload = reload_open(r->crew, ca_certificate(r->ca), argc, argv);
  r->local->num_workers = num;
  r->rules = rule_desk_open(r->crew, r->reload);
  r->local->rules = rule_desk_inbox(r->rules);
  r->lifecycle = lifecycle_open(r->crew, r->common.tally, r->reload);
  r->ticker = log_ticker_open(crew_worker(r->crew), r->sink);
  return true;
}

static bool listen_on_passed(struct run *r) {
  const struct options *options = &r->config->options;
  char text[kAddressTextSize];
  int err = 0;
  if (!crew_listen_on(r->crew, &err, &r->sockets)) {
    log_error(&options->log,
              "cannot listen on the sockets that the service manager passed: "
              "%s",
              uv_strerror(err));
    return false;
  }
  if (options->listen_asked) {
    log_notice(&options->log,
               "the service manager says where to listen, so that %s of "
               "--listen or the file is not used",
               address_format(text, &options->listen));
  }
  return true;
}

// Leaves the addresses that it listens at in r->sockets.
static bool start_listening(struct run *r) {
  struct service_sockets *sockets = &r->sockets;
  const struct options *options = &r->config->options;
  char text[kAddressTextSize];
  int err = 0;
  if (sockets->num > 0) {
    return listen_on_passed(r);
  }
  if (!crew_listen(r->crew, &sockets->addresses[0], &err, &options->listen)) {
    log_error(&options->log,
              "cannot listen on %s: %s; choose another with --listen ADDR:PORT",
              address_format(text, &options->listen), uv_strerror(err));
    return false;
  }
  sockets->num = 1;
  return true;
}

// Who may see what we do finds the token there. Without it nobody does, and the
// proxy is as good.
static void write_running_files(struct run *r) {
  struct key_error error;
  if (!running_files_write(&r->running, r->local->state_dir,
                           r->sockets.addresses, r->sockets.num,
                           r->local->token, &error)) {
    log_error(&r->config->options.log,
              "`echproxy status` will not find this proxy: %s", error.text);
  }
}

// A service's output is kept where others may read it, so that the token is
// only for a person who looks on.
static void say_status_page(const struct run *r) {
  char text[kAddressTextSize];
  const struct address here = running_file_address(&r->sockets.addresses[0]);
  if (isatty(STDOUT_FILENO)) {
    printf("status page: http://%s/#%s\n", address_format(text, &here),
           r->local->token);
  }
}

static void say_ready(const struct run *r) {
  char text[kAddressTextSize];
  log_notice(&r->config->options.log,
             "the CA's certificate, for browsers to trust: %s", ca_path(r->ca));
  for (size_t i = 0; i < r->sockets.num; i++) {
    printf("listening on %s\n", address_format(text, &r->sockets.addresses[i]));
  }
  say_status_page(r);
  fflush(stdout);
  service_manager_say("READY=1");
}

static bool start_crew(struct run *r) {
  const struct options *options = &r->config->options;
  int err = 0;
  if (!start_listening(r)) {
    return false;
  }
  if (!service_manager_check(&r->sockets, NULL)) {
    reload_require_users(r->reload);
  }
  memcpy(r->local->listen, r->sockets.addresses, sizeof(r->local->listen));
  r->local->num_listen = r->sockets.num;
  if (!crew_start(r->crew, &err)) {
    log_error(&options->log,
              "cannot start a thread for each worker: %s; choose fewer with "
              "--workers N",
              uv_strerror(err));
    return false;
  }
  write_running_files(r);
  say_ready(r);
  return true;
}

// Takes `options`.
static int serve(struct run *r, struct options *options, int argc,
                 char **argv) {
  struct key_error error;
  r->sink = log_sink_new();
  options->log.sink = r->sink;
  const struct log log = options->log;
  if (!service_manager_sockets(&r->sockets, &error)) {
    log_error(&log, "%s", error.text);
    return EX_UNAVAILABLE;
  }
  if (open_ca(r, options, &error)) {
    r->config = config_new(options, ca_certificate(r->ca), &error);
  }
  if (r->config == NULL) {
    log_error(&log, "%s", error.text);
    return EX_CONFIG;
  }
  if (r->config->users == NULL && !service_manager_check(&r->sockets, &error)) {
    log_error(&log, "%s", error.text);
    return EX_UNAVAILABLE;
  }
  if (!open_common(r, &error)) {
    log_error(&log, "%s", error.text);
    return EX_SOFTWARE;
  }
  if (!open_crew(r, argc, argv) || !start_crew(r)) {
    return EX_UNAVAILABLE;
  }
  config_unref(r->config);  // the crew has it as long as it is in force
  r->config = NULL;
  crew_run(r->crew);
  return EX_OK;
}

// Takes everything down. False when something of a worker's was left open.
static bool take_down(struct run *r) {
  log_ticker_close(r->ticker);
  running_files_remove(r->running);
  lifecycle_close(r->lifecycle);
  rule_desk_close(r->rules);
  reload_close(r->reload);
  struct log log = {.level = LOG_NORMAL};
  if (r->crew != NULL) {
    log = crew_config(r->crew)->options.log;
  }
  int err = crew_free(r->crew);
  rule_desk_free(r->rules);
  close_common(r);
  local_site_free(r->local);
  if (err != 0) {
    log_error(&log, "the event loop was not empty at the end: %s",
              uv_strerror(err));
  }
  config_unref(r->config);
  free(r->ca_pem);
  ca_free(r->ca);
  log_sink_free(r->sink);
  return err == 0;
}

int command_run(int argc, char **argv) {
  struct run r = {0};
  struct options options;
  struct options_error error;
  int code = EX_OK;
  umask(077);  // files that only their owner can read
  signal(SIGPIPE, SIG_IGN);
  if (!options_parse(&options, &error, OPTIONS_RUN, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_run(), stdout);
  } else {
    code = serve(&r, &options, argc, argv);
    if (!take_down(&r)) {
      code = EX_SOFTWARE;
    }
  }
  options_cleanup(&options);
  return code;
}
