// scripted_site is a TCP server on loopback that does what real servers do not:
// it drops, resets and breaks connections and refuses ECH in odd ways. It runs
// on a thread of its own and serves one connection after the other.

#ifndef ECHPROXY_TESTS_SUPPORT_SCRIPTED_SITE_H
#define ECHPROXY_TESTS_SUPPORT_SCRIPTED_SITE_H

#include <stddef.h>
#include <stdint.h>

#include "support/tls13_script.h"

enum site_deed {
  SITE_RESET_AT_ONCE,  // before a byte
  SITE_CLOSE_AT_ONCE,
  SITE_RESET,  // after the hello
  SITE_CLOSE,
  SITE_SILENT,  // never a word after the hello
  SITE_JUNK,
  SITE_HTTP,                // an answer in the clear
  SITE_ALERT,               // handshake_failure
  SITE_UNRECOGNIZED_NAME,   // another alert
  SITE_HALF_RECORD,         // the first bytes of a record, then the end
  SITE_SERVER_HELLO_RESET,  // after the server's hello
  SITE_SERVER_HELLO_CLOSE,
  SITE_SERVER_HELLO_SILENT,
  SITE_REFUSE_ECH,  // as its script says
};

// What to do with one connection.
struct site_step {
  enum site_deed deed;
  struct tls13_script tls;  // for the deeds that answer the hello
};

struct scripted_site;

enum { kSiteMaxSteps = 2 };

// scripted_site_new listens on a free port and does `steps`, the last of them
// again and again. What the scripts point to outlives the site. Released with
// scripted_site_free.
struct scripted_site *scripted_site_new(const struct site_step *steps,
                                        size_t num_steps);
void scripted_site_free(struct scripted_site *site);

uint16_t scripted_site_port(const struct scripted_site *site);

#endif
