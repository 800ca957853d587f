#include "net/burst.h"

#include <stdlib.h>

void burst_cleanup(struct burst *b) {
  free(b->gathered.data);
  b->gathered = (struct bytes){0};
}

// Sends what was gathered. Sending may itself write to a stream, which then
// must not gather.
static void flush(struct burst *b) {
  void *owner = b->owner;
  bool on = b->on;
  if (owner == NULL) {
    return;
  }
  b->owner = NULL;
  b->on = false;
  b->flush(owner, &b->gathered);
  b->gathered.len = 0;
  b->on = on;
}

bool burst_begin(struct burst *b) {
  bool was_on = b->on;
  b->on = true;
  return was_on;
}

void burst_end(struct burst *b, bool was_on) {
  flush(b);
  b->on = was_on;
}

struct bytes *burst_gather(struct burst *b, void *owner,
                           void (*on_flush)(void *owner,
                                            const struct bytes *gathered)) {
  if (!b->on) {
    return NULL;
  }
  if (b->owner != owner) {
    flush(b);
    b->owner = owner;
    b->flush = on_flush;
  }
  return &b->gathered;
}

void burst_flush(struct burst *b, const void *owner) {
  if (b->owner == owner) {
    flush(b);
  }
}

void burst_drop(struct burst *b, const void *owner) {
  if (b->owner == owner) {
    b->owner = NULL;
    b->gathered.len = 0;
  }
}
