// advice is what the proxy can tell its user to do about browsers that do not
// accept its certificates: nobody trusts the local CA, or one app accepts no
// other certificates than its own. It remembers which hosts' certificates were
// not accepted, a bounded number of them, and makes no rule itself.
// Thread-safe.

#ifndef ECHPROXY_STATUS_ADVICE_H
#define ECHPROXY_STATUS_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#define ADVICE_KINDS(X)                                                    \
  /* name, as JSON has it */                                               \
  /* certificates are not accepted, and none has been accepted since */    \
  X(ADVICE_UNTRUSTED_CA, "untrusted_ca")                                   \
  /* one host's is not, again and again, and meanwhile those of others are \
   */                                                                      \
  X(ADVICE_PINNED_APP, "pinned_app")

enum advice_kind {
#define X(name, json) name,
  ADVICE_KINDS(X)
#undef X
};

struct advice {
  enum advice_kind kind;
  char site[256];  // "" with ADVICE_UNTRUSTED_CA
};

enum {
  kAdviceMaxSites = 32,  // that are remembered
  kAdviceTextSize = 512,
  kAdvicePinnedRejections = 3,  // of one site's make it ADVICE_PINNED_APP
};

struct advice_book;

// advice_book_new makes one in which nothing has happened. Released with
// advice_book_free, which takes NULL.
struct advice_book *advice_book_new(void);
void advice_book_free(struct advice_book *book);

// advice_book_accepted notes that a browser accepted the certificate for
// `site`; "" is the proxy's own pages.
void advice_book_accepted(struct advice_book *book, const char *site);

// advice_book_rejected notes that one did not. When there is something to
// advise about it, it returns true with that in `out`.
bool advice_book_rejected(struct advice_book *book, struct advice *out,
                          const char *site);

// advice_book_list writes what there is to advise now and returns how much.
size_t advice_book_list(struct advice_book *book,
                        struct advice out[kAdviceMaxSites + 1]);

// advice_kind_json returns the name of the table.
const char *advice_kind_json(enum advice_kind kind);

// advice_text writes one plain sentence that says what is wrong and what to do.
// It names the site, so it is not for the log. Returns `out`.
const char *advice_text(char out[kAdviceTextSize], const struct advice *advice);

// advice_fix returns the command that mends it, or NULL when there is none.
const char *advice_fix(enum advice_kind kind);

#endif
