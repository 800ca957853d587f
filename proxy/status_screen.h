// status_screen draws what `echproxy status --watch` shows: what the proxy has
// done in all on top, and the newest connections below, as wide and as high as
// the terminal is.

#ifndef ECHPROXY_PROXY_STATUS_SCREEN_H
#define ECHPROXY_PROXY_STATUS_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "net/address.h"
#include "net/bytes.h"
#include "proxy/status_rows.h"
#include "proxy/status_view.h"

// What is drawn; all of it is borrowed.
struct status_screen {
  const struct address *address;
  const struct status_view *view;
  const struct status_rows *rows;
  uint64_t silent_s;  // since the proxy was heard of
  unsigned columns;
  unsigned lines;
  bool colour;
};

// status_screen_enter appends what gives us the terminal's other screen, and
// status_screen_leave what gives back the one that was there.
void status_screen_enter(struct bytes *out);
void status_screen_leave(struct bytes *out);

// status_screen_draw appends what draws all of it anew.
void status_screen_draw(struct bytes *out, const struct status_screen *screen);

#endif
