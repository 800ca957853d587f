// burst gathers what several writes to one stream make, so that it leaves with
// one call of the kernel, at the end of the event that they belong to. That way
// a record can be decrypted, handed on and encrypted again while it is in the
// processor's nearest cache, and nothing waits for a byte still to come.
//
// A worker has one burst. While it is on, one stream at a time gathers.

#ifndef ECHPROXY_NET_BURST_H
#define ECHPROXY_NET_BURST_H

#include <stdbool.h>

#include "net/bytes.h"

// burst is embedded, zero at first.
struct burst {
  bool on;
  void *owner;  // who gathers, or NULL
  void (*flush)(void *owner, const struct bytes *gathered);
  struct bytes gathered;
};

void burst_cleanup(struct burst *burst);

// burst_begin lets writes be gathered until burst_end, which takes what
// burst_begin has returned and lets what was gathered leave.
bool burst_begin(struct burst *burst);
void burst_end(struct burst *burst, bool was_on);

// burst_gather returns the buffer to which `owner` appends, borrowed until
// the next call on `burst`, or NULL when no burst is on. What others have
// gathered leaves first. `flush` sends what `owner` has gathered.
struct bytes *burst_gather(struct burst *burst, void *owner,
                           void (*flush)(void *owner,
                                         const struct bytes *gathered));

// burst_flush lets what `owner` has gathered leave now; burst_drop forgets it.
// Both do nothing when it was somebody else.
void burst_flush(struct burst *burst, const void *owner);
void burst_drop(struct burst *burst, const void *owner);

#endif
