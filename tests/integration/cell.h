// cell is one line of the table of what must happen: what DNS says, what the
// server does, and, in each mode, what becomes of it and which bytes the wire
// carries. cell_rows.h has the lines, cell_stage.h what they are played on, and
// test_cells.c plays them.

#ifndef ECHPROXY_TESTS_INTEGRATION_CELL_H
#define ECHPROXY_TESTS_INTEGRATION_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "support/odd_config.h"
#include "support/scene.h"
#include "support/scripted_site.h"

// Who listens where the site is.
enum cell_server {
  SITE,           // ech_origin with the key that DNS has
  SITE_H1,        // without h2
  SITE_P256,      // asks for another key share (HelloRetryRequest)
  NSS,            // selfserv with the key that DNS has
  BSSL,           // bssl-tool with the key that DNS has
  STALE,          // ech_origin with a newer key than DNS
  STALE_P256,     // the same, with a HelloRetryRequest
  STALE_WRONG,    // the same as STALE, but what it shows for the public name
  STALE_UNKNOWN,  // is for another name, of an unknown root, or expired
  STALE_EXPIRED,
  OFF,  // ech_origin that knows no ECH
  OFF_P256,
  OFF_WRONG,  // what it shows for the public name is bad, as above
  OFF_UNKNOWN,
  OFF_EXPIRED,
  TLS12,  // OFF with TLS 1.2 alone
  TLS12_WRONG,
  SITE_WRONG,  // what it shows for the site is bad, as above
  SITE_UNKNOWN,
  SITE_EXPIRED,
  CLEAR,     // no TLS, HTTP
  SCRIPTED,  // as the row's steps say
  NOBODY,    // the connection is refused
};

// What the public name is proved with by a scripted server.
enum cell_proof { PROOF_GOOD, PROOF_WRONG, PROOF_FORGED, PROOF_TAMPERED };

struct cell_step {
  enum site_deed deed;
  bool has_ech;  // SITE_REFUSE_ECH with retry configurations
  enum odd_config retry;
  enum cell_proof proof;
};

enum cell_outcome {
  NOT_PLAYED,
  PRIVATE,    // the site, with its name hidden
  PASSED,     // the site, untouched
  PAGE,       // the site's refusal page
  REFUSED,    // no tunnel, with a status
  DROPPED,    // no tunnel any more, without a word
  UPGRADED,   // 307 to https
  FORWARDED,  // http
};

enum cell_wire {
  WIRE_PUBLIC,   // the public name, and nothing of the site
  WIRE_NAME,     // the site's name, and not the public name
  WIRE_BOTH,     // first the one, then the other: ECH is securely off
  WIRE_HIDDEN,   // nothing of the site
  WIRE_NOTHING,  // not one byte
};

struct cell_expected {
  enum cell_outcome outcome;
  enum cell_wire wire;
  int status;         // of REFUSED
  const char *cause;  // a part of it, in the log and on the page
};

enum { kCellMaxRecords = 6 };

struct cell_row {
  const char *name;
  const char *fault;  // of bad_resolver.py, which is then the resolver
  const char *host;   // NULL: one of its own below site.test, with the fault
  uint16_t port;      // to ask for; 0: the tap's
  // Zone lines with @H for the host, @P for the tap's port, @ECH for the key of
  // the servers, and @CONFIG_... for an odd_config.
  const char *records[kCellMaxRecords];
  enum cell_server server;
  struct cell_step steps[kSiteMaxSteps];
  enum scene_way way;
  const char *scheme;
  const char *option;  // one of curl's
  const char *value;   // of the option, filled in like the records
  const char *body;    // NULL: ech_origin's site
  bool is_slow;        // ends by a deadline
  struct cell_expected prefer;
  struct cell_expected strict;
};

#endif
