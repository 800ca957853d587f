// check_report is what `echproxy check` found out, and what that comes to.
// check_text and check_json tell it.

#ifndef ECHPROXY_PROXY_CHECK_REPORT_H
#define ECHPROXY_PROXY_CHECK_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/client_hello.h"
#include "ech/lookup_answer.h"
#include "ech/origin.h"
#include "proxy/proxy.h"
#include "proxy/site_rule.h"

#define CHECK_VERDICTS(X)                                     \
  /* the numbers are the exit codes; the names are in JSON */ \
  X(CHECK_PRIVATE, "private")                                 \
  X(CHECK_NOT_PRIVATE, "not-private")                         \
  X(CHECK_UNKNOWN, "unknown")

enum check_verdict {
#define X(name, text) name,
  CHECK_VERDICTS(X)
#undef X
};

const char *check_verdict_str(enum check_verdict verdict);

// What the handshake said. Texts are static.
struct check_handshake {
  enum origin_status status;
  enum origin_privacy privacy;
  char address[kAddressTextSize];  // "" when no connection was made
  bool ech_accepted;
  bool retried;
  bool certificate_requested;              // of us, by the site
  char public_name[kClientHelloNameSize];  // "" without ECH
  const char *version;                     // the rest: NULL unless reached
  const char *cipher;
  const char *group;
  char alpn[256];  // chosen; "" when none was
  char error[kOriginDetailSize];
  // What an observer saw, when a ClientHello was sent.
  bool hello_sent;
  struct client_hello hello;  // its pointers are into `hello_bytes`
  uint8_t *hello_bytes;       // owned
};

struct check_report {
  const char *host;  // borrowed
  uint16_t port;
  enum proxy_mode mode;          // for this site
  struct site_rule rule;         // what the configuration file says of it
  struct lookup_answer *answer;  // a reference of its own
  bool connected;                // whether a dial was made: `handshake` is set
  struct check_handshake handshake;
};

// check_report_set_handshake notes a dial's outcome; it copies what it keeps.
void check_report_set_handshake(struct check_report *report,
                                enum origin_status status,
                                enum origin_privacy privacy, struct tls *tls,
                                const struct origin_report *origin);

// check_report_cleanup releases what `report` owns.
void check_report_cleanup(struct check_report *report);

// check_report_verdict judges `report`; `*out_why` becomes one static sentence
// in plain English.
enum check_verdict check_report_verdict(const struct check_report *report,
                                        const char **out_why);

// check_report_name_was_seen says whether an observer saw the site's name.
bool check_report_name_was_seen(const struct check_report *report);

// check_report_mode_str returns the mode as the configuration file has it.
const char *check_report_mode_str(const struct check_report *report);

#endif
