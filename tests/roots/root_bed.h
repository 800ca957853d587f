// root_bed is what a test of roots/ stands on: a scratch home directory and a
// local CA, which may have replaced others.

#ifndef ECHPROXY_TESTS_ROOTS_ROOT_BED_H
#define ECHPROXY_TESTS_ROOTS_ROOT_BED_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/ca_rotation.h"
#include "roots/our_roots.h"
#include "support/leaks.h"
#include "support/peer.h"
#include "support/scratch.h"

struct root_bed {
  struct scratch *s;
  const char *home;
  const char *state;
  struct ca_known known;
  struct our_roots roots;
};

static inline void root_bed_load(struct root_bed *bed, bool take_foreign) {
  struct key_error error;
  cr_assert(ca_known_read(&bed->known, bed->state, &error), "%s", error.text);
  our_roots_init(&bed->roots, &bed->known,
                 scratch_format(bed->s, "%s/ca.pem", bed->state), take_foreign);
}

static inline void root_bed_unload(struct root_bed *bed) {
  our_roots_cleanup(&bed->roots);
  ca_known_cleanup(&bed->known);
}

// root_bed_rotate makes the CA, or a new one.
static inline void root_bed_rotate(struct root_bed *bed) {
  struct key_error error;
  root_bed_unload(bed);
  cr_assert(ca_rotate(bed->state, &error), "%s", error.text);
  root_bed_load(bed, false);
}

static inline void root_bed_open(struct root_bed *bed) {
  *bed = (struct root_bed){.s = scratch_new()};
  bed->home = scratch_dir(bed->s, "home");
  bed->state = scratch_path(bed->s, "state");
  root_bed_rotate(bed);
}

static inline void root_bed_close(struct root_bed *bed) {
  root_bed_unload(bed);
  scratch_free(bed->s);
  cr_assert(leaks_none());
}

#endif
