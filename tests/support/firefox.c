#include "support/firefox.h"

static struct peer *start(const char *way, const char *ca_path,
                          const char *directory, const char *url) {
  const char *const argv[] = {
      "/usr/bin/python3",
      TEST_PEERS_DIR "/firefox_page.py",
      way,
      ca_path,
      directory,
      url,
      NULL,
  };
  return peer_start(argv, NULL);
}

struct peer *firefox_print_start(struct scratch *scratch, uint16_t proxy_port,
                                 const char *ca_path, const char *url) {
  return start(scratch_format(scratch, "%u", proxy_port), ca_path,
               scratch_dir(scratch, "firefox-home"), url);
}

struct peer *firefox_print_with_login_start(struct scratch *scratch,
                                            uint16_t proxy_port,
                                            const char *ca_path,
                                            const char *url,
                                            const char *login) {
  return start(scratch_format(scratch, "%s@%u", login, proxy_port), ca_path,
               scratch_dir(scratch, "firefox-home"), url);
}

struct peer *firefox_print_with_profile_start(struct scratch *scratch,
                                              uint16_t proxy_port,
                                              const char *profile,
                                              const char *url) {
  return start(scratch_format(scratch, "%u", proxy_port), "", profile, url);
}

struct peer *firefox_direct_start(struct scratch *scratch, const char *resolver,
                                  const char *ca_path, const char *url) {
  return start(resolver, ca_path, scratch_dir(scratch, "firefox-home"), url);
}
