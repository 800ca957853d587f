// cell_stage is where the cells of the table are played: every kind of server,
// two resolvers, one of them bad, one proxy for each mode and resolver, and for
// each cell, a row in one mode, a name and a tap of its own.

#ifndef ECHPROXY_TESTS_INTEGRATION_CELL_STAGE_H
#define ECHPROXY_TESTS_INTEGRATION_CELL_STAGE_H

#include <stddef.h>
#include <stdint.h>

#include "integration/cell.h"

enum mode { PREFER, STRICT, kNumModes };

enum resolver { UNBOUND, BAD_RESOLVER, kNumResolvers };

struct cell {
  const struct cell_row *row;
  const struct cell_expected *expected;
  enum mode mode;
  const char *host;
  uint16_t port;
  struct tap *tap;
  struct scripted_site *site;
  struct peer *curl;
};

// Of P-256, without the octet that says how the point is written.
enum { kPointLen = 64 };

struct stage {
  struct scene scene;
  uint8_t site_point[kPointLen];  // the public key in the sites' certificate
  struct test_cert *wrong_cert;   // neither for the sites nor the public name
  struct peer *servers[NOBODY + 1];
  uint16_t ports[NOBODY + 1];
  int nobody;  // keeps the port of NOBODY
  struct tap *resolver_taps[kNumResolvers];
  struct peer *bad_resolver;
  struct proxy_process *proxies[kNumModes][kNumResolvers];
  struct cell *cells;
  size_t num_cells;
  size_t num_rows;
  size_t num_failed;  // left to the player
};

// stage_open starts all of it. stage_close ends it, and asserts that the
// proxies ended well.
struct stage *stage_open(void);
void stage_close(struct stage *stage);

// stage_fill replaces in `text` what cell.h says stands for something else.
const char *stage_fill(struct stage *stage, const struct cell *cell,
                       const char *text);

// stage_proxy returns the proxy that `cell` is played by.
struct proxy_process *stage_proxy(const struct stage *stage,
                                  const struct cell *cell);

#endif
