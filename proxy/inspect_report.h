// inspect_report is what `echproxy inspect` has found out. inspect_text and
// inspect_json tell it.

#ifndef ECHPROXY_PROXY_INSPECT_REPORT_H
#define ECHPROXY_PROXY_INSPECT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/config_list.h"
#include "keys/key_error.h"
#include "proxy/inspect_input.h"

#define INSPECT_KEY_STATES(X)                                               \
  /* the names are in JSON */                                               \
  X(INSPECT_KEY_BELONGS, "belongs", "belongs to configuration")             \
  X(INSPECT_KEY_ALONE, "alone", "there is no configuration for it")         \
  X(INSPECT_KEY_MISMATCH, "mismatch",                                       \
    "no configuration here is this key's: a server with it would refuse "   \
    "every client")                                                         \
  X(INSPECT_KEY_UNKNOWN, "unknown",                                         \
    "the BoringSSL of this build does not have its KEM, so nobody can say " \
    "whether it belongs")

enum inspect_key_state {
#define X(name, json, text) name,
  INSPECT_KEY_STATES(X)
#undef X
};

const char *inspect_key_state_name(enum inspect_key_state state);
const char *inspect_key_state_str(enum inspect_key_state state);

// A private key, of which nothing but this is ever told.
struct inspect_key {
  uint16_t kem_id;
  enum inspect_key_state state;
  size_t entry;  // with INSPECT_KEY_BELONGS
};

enum { kInspectNoEntry = -1 };

struct inspect_report {
  const struct inspect_input *input;  // borrowed
  struct ech_config_entry *entries;
  size_t num_entries;
  int used_entry;  // the one that a client takes, or kInspectNoEntry
  struct inspect_key *keys;
  size_t num_keys;
};

// inspect_report_init judges `input`, which is borrowed. False when its
// ECHConfigList is malformed, with `out_error` as for inspect_input_read.
// Released with inspect_report_cleanup, also when it failed.
bool inspect_report_init(struct inspect_report *report,
                         const struct inspect_input *input,
                         struct key_error *out_error);

void inspect_report_cleanup(struct inspect_report *report);

// inspect_report_good says whether all is as it should be: a client would use
// one of the configurations, and every key belongs to one.
bool inspect_report_good(const struct inspect_report *report);

// inspect_report_form returns what was read, in a few words.
const char *inspect_report_form(const struct inspect_report *report);

#endif
