// minute_history is how many visits ended how in each of the last minutes, for
// the tally. It is a ring that is told the time, counted from any moment in
// minutes. Thread-safe, and takes no lock.

#ifndef ECHPROXY_STATUS_MINUTE_HISTORY_H
#define ECHPROXY_STATUS_MINUTE_HISTORY_H

#include <stdatomic.h>
#include <stdint.h>

#include "status/journal.h"

enum { kHistoryMinutes = 60 };

// All zero at first. A cell has the minute that it counts in its upper half and
// the number in its lower one, so that both change at once.
struct minute_history {
  atomic_uint_fast64_t cells[kHistoryMinutes][VISIT_UPGRADED + 1];
};

// minute_history_add counts a visit in `minute`, whose place in the ring it
// takes from the minute that was there before.
void minute_history_add(struct minute_history *history, uint32_t minute,
                        enum visit_verdict verdict);

// minute_history_read writes the numbers of the minutes up to `minute`, which
// is the last in `out`.
void minute_history_read(const struct minute_history *history, uint32_t minute,
                         uint32_t out[kHistoryMinutes][VISIT_UPGRADED + 1]);

#endif
