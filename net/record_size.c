#include "net/record_size.h"

size_t record_size_next(struct record_size *size, size_t *out_record,
                        uint64_t now_ms, size_t len) {
  if (now_ms - size->last_ms >= kRecordPauseMs) {
    size->sent = 0;
  }
  size->last_ms = now_ms;
  if (size->sent >= kRecordSmallBytes) {
    *out_record = kRecordLarge;
    return len;
  }
  *out_record = kRecordSmall;
  size_t small = kRecordSmallBytes - size->sent;
  if (len < small) {
    small = len;
  }
  size->sent += small;
  return small;
}
