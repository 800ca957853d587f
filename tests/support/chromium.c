#include "support/chromium.h"

#include <string.h>

// make_home trusts the CA as README.md says.
static const char *make_home(struct scratch *scratch, const char *ca_path) {
  const char *home = scratch_dir(scratch, "home");
  scratch_dir(scratch, "home/.pki");
  const char *db = scratch_format(scratch, "sql:%s",
                                  scratch_dir(scratch, "home/.pki/nssdb"));
  program_must((const char *const[]){"certutil", "-A", "-t", "C,,", "-n",
                                     "echproxy", "-d", db, "-i", ca_path,
                                     NULL});
  return home;
}

// What differs between the ways to start it.
struct way {
  const char *mode;   // what it does with the page
  const char *proxy;  // where connections go
};

static struct peer *start(struct scratch *scratch, const char *home,
                          const struct way *way, const char *url) {
  const char *const argv[] = {
      "chromium",
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-quic",
      "--disable-extensions",
      "--no-first-run",
      "--no-pings",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--disable-sync",
      way->mode,
      scratch_format(scratch, "--user-data-dir=%s/profile", home),
      way->proxy,
      url,
      NULL,
  };
  const char *const env[] = {
      scratch_format(scratch, "HOME=%s", home),
      scratch_format(scratch, "XDG_CONFIG_HOME=%s/.config", home),
      scratch_format(scratch, "XDG_DATA_HOME=%s/.local/share", home),
      scratch_format(scratch, "XDG_CACHE_HOME=%s/.cache", home),
      NULL,
  };
  return peer_start(argv, env);
}

static const char *through(struct scratch *scratch, uint16_t proxy_port) {
  return scratch_format(scratch, "--proxy-server=http://127.0.0.1:%u",
                        proxy_port);
}

struct peer *chromium_start(struct scratch *scratch, uint16_t proxy_port,
                            const char *ca_path, const char *url) {
  // A debugging port keeps it open until the page's script has reported.
  return start(
      scratch, make_home(scratch, ca_path),
      &(struct way){"--remote-debugging-port=0", through(scratch, proxy_port)},
      url);
}

static const char kPrint[] = "--dump-dom";

struct peer *chromium_print_start(struct scratch *scratch, uint16_t proxy_port,
                                  const char *ca_path, const char *url) {
  return start(scratch, make_home(scratch, ca_path),
               &(struct way){kPrint, through(scratch, proxy_port)}, url);
}

struct peer *chromium_print_with_login_start(struct scratch *scratch,
                                             uint16_t proxy_port,
                                             const char *ca_path,
                                             const char *url, const char *name,
                                             const char *password) {
  const char *const argv[] = {"/usr/bin/python3",
                              TEST_PEERS_DIR "/chromium_login.py",
                              scratch_format(scratch, "%u", proxy_port),
                              ca_path,
                              scratch_dir(scratch, "chromium-home"),
                              url,
                              name,
                              password,
                              NULL};
  return peer_start(argv, NULL);
}

struct peer *chromium_print_at_home_start(struct scratch *scratch,
                                          uint16_t proxy_port, const char *home,
                                          const char *url) {
  return start(scratch, home,
               &(struct way){kPrint, through(scratch, proxy_port)}, url);
}

struct peer *chromium_direct_start(struct scratch *scratch,
                                   const char *resolver, const char *ca_path,
                                   const char *url) {
  const char *home = make_home(scratch, ca_path);
  scratch_dir(scratch, "home/profile");
  // What Settings, Security, Use secure DNS writes.
  const char *state = scratch_format(scratch,
                                     "{\"dns_over_https\":{\"mode\":\"secure\","
                                     "\"templates\":\"%s\"}}",
                                     resolver);
  scratch_write(scratch, "home/profile/Local State", state, strlen(state));
  return start(scratch, home, &(struct way){kPrint, "--no-proxy-server"}, url);
}
