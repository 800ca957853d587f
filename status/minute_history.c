#include "status/minute_history.h"

static uint32_t minute_of(uint64_t cell) { return (uint32_t)(cell >> 32); }

void minute_history_add(struct minute_history *history, uint32_t minute,
                        enum visit_verdict verdict) {
  atomic_uint_fast64_t *cell =
      &history->cells[minute % kHistoryMinutes][verdict];
  uint_fast64_t old = atomic_load_explicit(cell, memory_order_relaxed);
  uint_fast64_t new = 0;
  do {
    if (minute_of(old) > minute) {
      return;  // this thread was away for an hour
    }
    new = minute_of(old) == minute ? old + 1 : ((uint64_t)minute << 32) + 1;
  } while (!atomic_compare_exchange_weak_explicit(
      cell, &old, new, memory_order_relaxed, memory_order_relaxed));
}

void minute_history_read(const struct minute_history *history, uint32_t minute,
                         uint32_t out[kHistoryMinutes][VISIT_UPGRADED + 1]) {
  for (uint32_t back = 0; back < kHistoryMinutes; back++) {
    uint32_t *numbers = out[kHistoryMinutes - 1 - back];
    for (int v = 0; v <= VISIT_UPGRADED; v++) {
      const atomic_uint_fast64_t *cell =
          &history->cells[(minute - back) % kHistoryMinutes][v];
      uint64_t value = atomic_load_explicit(cell, memory_order_relaxed);
      bool is_then = back <= minute && minute_of(value) == minute - back;
      numbers[v] = is_then ? (uint32_t)value : 0;
    }
  }
}
