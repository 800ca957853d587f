// tally counts what the proxy has done since it began, without a word about
// which sites: for the totals of the status page and for /metrics. Everything
// here is thread-safe, and counting takes no lock.

#ifndef ECHPROXY_STATUS_TALLY_H
#define ECHPROXY_STATUS_TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "status/journal.h"

struct tally;

#define TALLY_COUNTERS(X)                                                  \
  /* name, as Prometheus has it without echproxy_ and _total, help */      \
  X(TALLY_LOOKUPS, "lookups", "Lookups of sites' names.")                  \
  X(TALLY_LOOKUPS_CACHED, "lookups_cached",                                \
    "Lookups that were answered from memory.")                             \
  X(TALLY_LOOKUPS_FAILED, "lookups_failed",                                \
    "Lookups that said nothing: no answer, or a bogus one.")               \
  X(TALLY_HANDSHAKES, "handshakes", "TLS handshakes with sites with ECH.") \
  X(TALLY_HANDSHAKES_RESUMED, "handshakes_resumed",                        \
    "Handshakes that resumed an earlier session.")                         \
  X(TALLY_ECH_RETRIES, "ech_retries",                                      \
    "Handshakes made once more with a server's retry configurations.")     \
  X(TALLY_LEAVES_MINTED, "leaves_minted", "Certificates made for hosts.")  \
  X(TALLY_LEAVES_CACHED, "leaves_cached",                                  \
    "Certificates for hosts that were there already.")                     \
  X(TALLY_LEAVES_REJECTED, "leaves_rejected",                              \
    "Handshakes in which a browser did not accept our certificate.")       \
  X(TALLY_LEAVES_ACCEPTED, "leaves_accepted",                              \
    "Handshakes in which a browser accepted our certificate.")             \
  X(TALLY_BYTES_UP, "bytes_up", "Octets relayed from browsers to sites.")  \
  X(TALLY_BYTES_DOWN, "bytes_down", "Octets relayed from sites to browsers.")

enum tally_counter {
#define X(name, metric, help) name,
  TALLY_COUNTERS(X)
#undef X
};

#define TALLY_REFUSALS(X)                                                  \
  /* why something was refused: name, label of /metrics */                 \
  X(TALLY_REFUSED_LOOKUP, "lookup_failed")                                 \
  X(TALLY_REFUSED_NO_SUCH_NAME, "no_such_name")                            \
  X(TALLY_REFUSED_NO_ECH, "no_ech")   /* strict mode */                    \
  X(TALLY_REFUSED_NOT_TLS, "not_tls") /* strict mode, and odd hellos */    \
  X(TALLY_REFUSED_UNREACHABLE, "unreachable")                              \
  X(TALLY_REFUSED_ECH, "ech_rejected") /* twice, switched off, unproven */ \
  X(TALLY_REFUSED_CERTIFICATE, "site_certificate")                         \
  X(TALLY_REFUSED_CLIENT_CERTIFICATE, "client_certificate")                \
  X(TALLY_REFUSED_BROWSER, "browser_rejected_leaf")                        \
  X(TALLY_REFUSED_TIMEOUT, "timeout")                                      \
  X(TALLY_REFUSED_OTHER, "other")

enum tally_refusal {
#define X(name, label) name,
  TALLY_REFUSALS(X)
#undef X
};

#define TALLY_TIMES(X)                                           \
  /* name, as Prometheus has it, help */                         \
  X(TALLY_LOOKUP_TIME, "lookup_seconds",                         \
    "How long lookups took that were not answered from memory.") \
  X(TALLY_HANDSHAKE_TIME, "handshake_seconds",                   \
    "From the browser's ClientHello to a site reached with ECH.")

enum tally_time {
#define X(name, metric, help) name,
  TALLY_TIMES(X)
#undef X
};

enum {
  kTallyBuckets = 14,  // of each histogram, the last without an upper bound
  kTallyMinutes = 60,  // that the history goes back
};

// The upper bounds of the buckets, in microseconds; the last is UINT64_MAX.
extern const uint64_t kTallyBounds[kTallyBuckets];

struct tally *tally_new(void);
void tally_free(struct tally *tally);

// tally_add adds to a counter.
void tally_add(struct tally *tally, enum tally_counter counter, uint64_t n);

// tally_verdict counts a visit, when what becomes of it is known, here and in
// the history. VISIT_OPEN is not counted.
void tally_verdict(struct tally *tally, enum visit_verdict verdict);

// tally_refused counts why one was refused, besides tally_verdict.
void tally_refused(struct tally *tally, enum tally_refusal why);

// tally_took adds a time in microseconds to a histogram.
void tally_took(struct tally *tally, enum tally_time what, uint64_t us);

struct tally_histogram {
  uint64_t buckets[kTallyBuckets];  // of each bucket alone, not cumulated
  uint64_t count;
  uint64_t sum_us;
};

// All of it at one moment; the numbers need not fit together.
struct tally_counts {
  uint64_t age_s;  // since tally_new, whatever the clock was set to meanwhile
  uint64_t counters[TALLY_BYTES_DOWN + 1];
  uint64_t verdicts[VISIT_UPGRADED + 1];
  uint64_t refusals[TALLY_REFUSED_OTHER + 1];
  struct tally_histogram times[TALLY_HANDSHAKE_TIME + 1];
  // By minute, the oldest first, the last is the current one.
  uint32_t history[kTallyMinutes][VISIT_UPGRADED + 1];
};

void tally_read(struct tally *tally, struct tally_counts *out);

// tally_quantile returns the time below which the share `q` (0 to 1) of those
// in `histogram` lie, in microseconds, interpolated in its bucket; 0 when it is
// empty.
uint64_t tally_quantile(const struct tally_histogram *histogram, double q);

#endif
