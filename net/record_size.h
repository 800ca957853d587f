// record_size decides how large the TLS records of one direction are made. A
// peer can use no byte of a record before its last one has come, so a record
// that takes several packets keeps the first of them waiting, by whole round
// trips while the path's window is small. Records begin small enough for one
// packet, grow to the largest once the window has had time to open, for each
// of them costs CPU, and begin small again after a pause, in which the window
// may close (RFC 9846, section 5.1; RFC 5681, section 4.1).

#ifndef ECHPROXY_NET_RECORD_SIZE_H
#define ECHPROXY_NET_RECORD_SIZE_H

#include <stddef.h>
#include <stdint.h>

enum {
  // With the record's own 22 bytes it fits the packets of IPv6 over PPPoE with
  // timestamps: 1492 - 40 - 20 - 12.
  kRecordSmall = 1398,
  kRecordLarge = 16 * 1024,
  kRecordSmallBytes = 32 * kRecordSmall,  // that go in small ones
  kRecordPauseMs = 1000,
};

// record_size is embedded, zero at first.
struct record_size {
  uint64_t last_ms;  // when bytes were last sent
  size_t sent;       // since the last pause, as far as it matters
};

// record_size_next is asked at time `now_ms` for `len` bytes to be sent. It
// returns how many of them go next, in records of `out_record` bytes each but
// for the last.
size_t record_size_next(struct record_size *size, size_t *out_record,
                        uint64_t now_ms, size_t len);

#endif
