#include "support/firefox.h"

struct peer *firefox_print_start(struct scratch *scratch, uint16_t proxy_port,
                                 const char *ca_path, const char *url) {
  const char *const argv[] = {
      "/usr/bin/python3",
      TEST_PEERS_DIR "/firefox_page.py",
      scratch_format(scratch, "%u", proxy_port),
      ca_path,
      scratch_dir(scratch, "firefox-home"),
      url,
      NULL,
  };
  return peer_start(argv, NULL);
}
