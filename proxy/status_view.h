// status_view is what a proxy says of itself (docs/STATUS.md), read from its
// JSON for a terminal: texts are bounded and cannot drive it, and what is
// missing is 0 or "".

#ifndef ECHPROXY_PROXY_STATUS_VIEW_H
#define ECHPROXY_PROXY_STATUS_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct status_times {
  uint64_t count;
  double p50_ms;
  double p90_ms;
  double p99_ms;
};

enum { kStatusMaxAdvice = 8 };

struct status_advice {
  char text[512];
  char fix[128];  // a command
};

struct status_view {
  char version[32];
  int64_t pid;
  char started[32];
  uint64_t uptime_s;
  char mode[16];
  char config_file[256];
  char resolver[256];  // the servers
  char resolver_state[16];
  char resolver_error[256];
  bool resolver_encrypted;
  uint64_t open;
  uint64_t hidden;
  uint64_t passed;
  uint64_t refused;
  uint64_t abandoned;
  uint64_t upgraded;
  uint64_t bytes_up;
  uint64_t bytes_down;
  uint64_t leaves_accepted;
  uint64_t leaves_rejected;
  struct status_times lookup;
  struct status_times handshake;
  struct status_advice advice[kStatusMaxAdvice];
  size_t num_advice;
};

// status_view_read reads the object of /api/status. False when it is none.
bool status_view_read(struct status_view *out, const char *json);

// One connection.
struct status_row {
  uint64_t id;
  char time[16];  // of the day, when it began, where we are
  bool done;
  char verdict[16];
  char site[256];  // with its port unless that is 443
  char seen[256];  // the name in the clear
  bool name_seen;  // it is the site's own
  char cause[512];
  uint64_t bytes_up;
  uint64_t bytes_down;
  uint64_t duration_ms;
};

// status_row_read reads a row, as an event `visit` has it. False when it is
// none.
bool status_row_read(struct status_row *out, const char *json);

// status_rows_read reads the first `max` of /api/visits, which are the newest,
// and returns how many there are.
size_t status_rows_read(struct status_row *out, size_t max, const char *json);

// status_view_share returns which part of the connections whose fate is known
// `num` is, in percent.
unsigned status_view_share(const struct status_view *view, uint64_t num);

#endif
