// log_repeats holds back lines of the log that only repeat others: of one kind
// a few are written in each interval, and at its end one line says how many
// more there were. A kind is what a line says but for its numbers: a message's
// text, or a tunnel's verdict, step, cause and, where they are logged, host,
// port and observed name. Its memory is bounded. It is not thread-safe.

#ifndef ECHPROXY_PROXY_LOG_REPEATS_H
#define ECHPROXY_PROXY_LOG_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "proxy/log_line.h"

enum {
  kLogRepeatsFree = 20,        // of one kind in an interval
  kLogRepeatsMaxKinds = 1024,  // that are told apart in an interval
  kLogRepeatsOthersFree = 200  // of all further kinds together
};

struct log_repeats;

struct log_repeats *log_repeats_new(void);

// log_repeats_free releases `repeats` and forgets what was held back. NULL does
// nothing.
void log_repeats_free(struct log_repeats *repeats);

// log_repeats_admit counts `line`, which it borrows, and says whether it is to
// be written. One that is not will be in the sum of log_repeats_end. An answer
// is always to be written, and so is an error that is the first of its kind.
bool log_repeats_admit(struct log_repeats *repeats,
                       const struct log_line *line);

// log_repeats_is_empty says whether nothing was counted since the last
// log_repeats_end.
bool log_repeats_is_empty(const struct log_repeats *repeats);

// log_repeats_end ends an interval of `seconds`: `write` gets, in the order in
// which the kinds appeared, a line for each of which some were held back, and
// all counts begin anew.
void log_repeats_end(struct log_repeats *repeats, unsigned seconds,
                     void (*write)(void *owner, const struct log_line *line),
                     void *owner);

#endif
