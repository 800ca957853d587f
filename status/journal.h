// journal remembers what became of connections, for the status page and
// `echproxy status`: the newest few hundred, in memory only, gone with the
// process. Tunnels write to it as they go (proxy/tunnel.c), and whoever shows
// it asks for what has changed. Everything here is thread-safe.

#ifndef ECHPROXY_STATUS_JOURNAL_H
#define ECHPROXY_STATUS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal;
struct visit;

#define VISIT_VERDICTS(X)                                                \
  /* name, as JSON has it, as the log and people have it */              \
  X(VISIT_OPEN, "open", "under way")                                     \
  X(VISIT_HIDDEN, "hidden", "hidden")                                    \
  X(VISIT_PASSED, "passed", "passed through")                            \
  X(VISIT_REFUSED, "refused", "refused")                                 \
  /* the browser left before anything was decided */                     \
  X(VISIT_ABANDONED, "abandoned", "abandoned")                           \
  /* an http:// request that was answered with a redirect to https:// */ \
  X(VISIT_UPGRADED, "upgraded", "upgraded to https")

enum visit_verdict {
#define X(name, json, text) name,
  VISIT_VERDICTS(X)
#undef X
};

// visit_verdict_json and visit_verdict_text return the verdict in the two forms
// of the table.
const char *visit_verdict_json(enum visit_verdict verdict);
const char *visit_verdict_text(enum visit_verdict verdict);

enum {
  kJournalMaxVisits = 512,
  // Of each ClientHello. A longer one is kept up to here.
  kVisitHelloMax = 4096,
};

// What an observer saw of a visit, and what was inside. NULL and 0 stand for
// what is not known (yet); texts and octets are copied by visit_note.
struct visit_facts {
  const char *step;     // the step reached; static
  const char *address;  // that was connected to, with its port
  const char *name;     // in the clear: the outer name, or the site's own
  const char *cause;    // the first cause of a refusal or failure
  const char *version;  // of TLS, as "TLSv1.3"; static, like the next two
  const char *group;
  const char *cipher;
  const char *alpn;  // the protocol chosen
  bool resumed;
  bool retried;
  // The ClientHello as it was sent: a handshake message. `inner_hello` is the
  // one that was encrypted in it, with ECH.
  const uint8_t *hello;
  size_t hello_len;
  const uint8_t *inner_hello;
  size_t inner_hello_len;
};

// journal_new makes an empty journal of at most `max_visits`. Released with
// journal_free, after all its visits were ended.
struct journal *journal_new(size_t max_visits);
void journal_free(struct journal *journal);

// visit_begin enters a connection to `host` (copied) at `port`, under way, and
// returns it for visit_end. The oldest one makes room.
struct visit *visit_begin(struct journal *journal, const char *host,
                          uint16_t port);

// visit_set_host makes it one to another host, which its ClientHello names.
void visit_set_host(struct visit *visit, const char *host);

// visit_note adds what `facts` knows: what is NULL, 0 or false in it stays as
// it was.
void visit_note(struct visit *visit, const struct visit_facts *facts);

// visit_decide says what became of it, once that is known: a tunnel that relays
// is hidden or passed through before it ends.
void visit_decide(struct visit *visit, enum visit_verdict verdict);

// visit_count adds octets that were relayed. It takes no lock and does not wake
// anybody: what is shown is read when it is shown.
void visit_count(struct visit *visit, uint64_t up, uint64_t down);

// visit_end says that it is over and gives it back. One that is still under way
// is then VISIT_ABANDONED.
void visit_end(struct visit *visit);

// One visit as it is at this moment. Texts are "" when not known.
struct visit_row {
  uint64_t id;         // from 1, in the order in which visits began
  int64_t started_ms;  // since 1970, UTC
  uint64_t duration_ms;
  bool done;
  enum visit_verdict verdict;
  const char *step;  // static, "" at first
  char host[256];
  uint16_t port;
  char address[64];
  char name[256];
  char cause[512];
  char alpn[32];
  const char *tls_version;  // static, "" when not known; likewise
  const char *group;
  const char *cipher;
  bool resumed;
  bool retried;
  uint64_t bytes_up;
  uint64_t bytes_down;
  size_t hello_len;  // octets of the ClientHello that was sent; 0: none known
};

// The ClientHellos of a visit, owned: released with visit_hellos_cleanup.
struct visit_hellos {
  uint8_t *outer;
  size_t outer_len;
  uint8_t *inner;
  size_t inner_len;
};

// visit_read gives a visit that has not ended as it is, whether the journal
// still lists it or not.
void visit_read(const struct visit *visit, struct visit_row *out);

// journal_version returns a number that grows with every change but those of
// octets. It is above what journal_each has returned when there is such a one
// since.
uint64_t journal_version(const struct journal *journal);

// journal_each calls `see(owner, row)` for every visit that has changed since
// `version` (0: all), or is open and had octets since, oldest first. `row` is
// borrowed until `see` returns, which must not call back into the journal. It
// returns the version to go on from.
uint64_t journal_each(struct journal *journal, uint64_t version,
                      void (*see)(void *owner, const struct visit_row *row),
                      void *owner);

// journal_find gives the visit `id` with its hellos, of which `out_hellos` may
// be NULL. False when the journal has it no more.
bool journal_find(struct journal *journal, uint64_t id,
                  struct visit_row *out_row, struct visit_hellos *out_hellos);

void visit_hellos_cleanup(struct visit_hellos *hellos);

#endif
