// options is what the user asked for: the command line, the configuration file
// and the defaults, put together and checked. The command line beats the file.

#ifndef ECHPROXY_PROXY_OPTIONS_H
#define ECHPROXY_PROXY_OPTIONS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/dns_server.h"
#include "ech/local_domains.h"
#include "net/address.h"
#include "net/upstream.h"
#include "net/worker.h"
#include "proxy/authority.h"
#include "proxy/log.h"
#include "proxy/proxy.h"
#include "proxy/setting_trail.h"
#include "proxy/site_rule.h"

enum { kOptionsMaxResolvers = 8 };

enum options_command {
  OPTIONS_RUN,
  OPTIONS_CHECK,
  OPTIONS_CA,
  OPTIONS_TRUST,
  OPTIONS_UNTRUST,
  OPTIONS_CONFIG  // with the options of `run`, to show them
};

struct resolver;

struct options {
  bool help;          // --help was given: nothing else is set
  char *config_file;  // NULL: the default one, if it exists
  char *state_dir;    // NULL: the default
  char *upstream_ca;  // NULL: the system's trust store alone
  char *resolver_ca;  // likewise
  char *users;        // the file of those who may use the proxy; NULL: anybody
  // What sites and resolvers are reached through, its addresses known; NULL:
  // nothing. Resolvers on loopback are reached directly all the same.
  struct upstream *upstream;
  enum proxy_mode mode;
  struct dns_server resolvers[kOptionsMaxResolvers];  // with their addresses
  size_t num_resolvers;
  struct address bootstrap[kDnsServerMaxAddresses];
  size_t num_bootstrap;
  struct site_rules *sites;            // NULL: none
  struct local_domains local_domains;  // for the system's resolver
  // For `run`.
  struct address listen;  // loopback, or there are users; port 0: any free one
  bool listen_asked;      // that it is not the default
  size_t num_workers;     // 0: as many as fit the machine
  struct log log;
  // For `check`.
  char host[kAuthorityHostSize];  // a name in lower case, or an IP address
  uint16_t port;
  bool json;
  // For `ca`.
  bool pem;
  bool fingerprint;
  bool rotate;
  // For `trust` and `untrust`.
  bool list;
  bool dry_run;
  bool all;
  bool delete_ca;
  // For `config`.
  bool init;  // then the file is not read
  bool show;
  bool force;
  struct setting_trail trail;  // what was set where
};

struct options_error {
  int exit_code;   // EX_USAGE or EX_CONFIG
  char text[768];  // one line that says what is wrong and what to do
};

// options_parse reads the command line `argv`, whose first element is the
// command's own name and skipped, and the configuration file: --config's, or
// $XDG_CONFIG_HOME/echproxy/echproxy.conf (~/.config when that is not set) if
// it exists. False with `out_error` when something is wrong. Either way
// `options` is then released with options_cleanup.
bool options_parse(struct options *options, struct options_error *out_error,
                   enum options_command command, int argc, char **argv);

void options_cleanup(struct options *options);

// options_resolver_new makes the resolver that the options describe, released
// with resolver_free, whose servers are verified against `trust`.
struct resolver *options_resolver_new(const struct options *options,
                                      struct worker *worker, X509_STORE *trust);

// options_error_set writes the message, printf's way, and returns false.
__attribute__((format(printf, 3, 4))) bool options_error_set(
    struct options_error *error, int exit_code, const char *format, ...);

#endif
