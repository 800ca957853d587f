#include "support/chromium.h"

#include <sys/stat.h>

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

static struct peer *start(struct scratch *scratch, uint16_t proxy_port,
                          const char *home, const char *mode, const char *url) {
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
      mode,
      scratch_format(scratch, "--user-data-dir=%s/profile", home),
      scratch_format(scratch, "--proxy-server=http://127.0.0.1:%u", proxy_port),
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

struct peer *chromium_start(struct scratch *scratch, uint16_t proxy_port,
                            const char *ca_path, const char *url) {
  // A debugging port keeps it open until the page's script has reported.
  return start(scratch, proxy_port, make_home(scratch, ca_path),
               "--remote-debugging-port=0", url);
}

struct peer *chromium_print_start(struct scratch *scratch, uint16_t proxy_port,
                                  const char *ca_path, const char *url) {
  return start(scratch, proxy_port, make_home(scratch, ca_path), "--dump-dom",
               url);
}

struct peer *chromium_print_at_home_start(struct scratch *scratch,
                                          uint16_t proxy_port, const char *home,
                                          const char *url) {
  return start(scratch, proxy_port, home, "--dump-dom", url);
}
