#include "status/advice.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <utlist.h>

#include "net/xalloc.h"

// A site whose certificate was not accepted last.
struct site {
  struct site *prev;
  struct site *next;
  unsigned num_rejections;
  uint64_t first_round;  // of the rejections
  uint64_t last_round;
  char name[];
};

struct advice_book {
  pthread_mutex_t mutex;  // of the rest
  struct site *sites;     // the one rejected last comes last
  size_t num_sites;
  bool ever_accepted;
  bool rejected_last;
  // Grows with each certificate that is accepted after one that was not.
  uint64_t round;
};

struct advice_book *advice_book_new(void) {
  struct advice_book *book = xcalloc(1, sizeof *book);
  pthread_mutex_init(&book->mutex, NULL);
  return book;
}

static void drop(struct advice_book *book, struct site *site) {
  DL_DELETE(book->sites, site);
  book->num_sites--;
  free(site);
}

static void drop_all(struct advice_book *book) {
  while (book->sites != NULL) {
    drop(book, book->sites);
  }
}

void advice_book_free(struct advice_book *book) {
  if (book != NULL) {
    drop_all(book);
    pthread_mutex_destroy(&book->mutex);
    free(book);
  }
}

static struct site *find(struct advice_book *book, const char *name) {
  struct site *site = NULL;
  DL_FOREACH(book->sites, site) {
    if (strcmp(site->name, name) == 0) {
      return site;
    }
  }
  return NULL;
}

// It was the app, and not the CA, if others were accepted between its
// rejections. No app has an idea of its own of the proxy's pages.
static bool is_pinned(const struct advice_book *book, const struct site *site) {
  return site->name[0] != '\0' &&
         site->num_rejections >= kAdvicePinnedRejections &&
         site->first_round < book->round;
}

// After one was accepted, a single site may be one app's, as pinned ones are.
static bool is_untrusted(const struct advice_book *book) {
  size_t num_suspects = 0;
  const struct site *site = NULL;
  DL_FOREACH(book->sites, site) {
    bool counts = site->last_round == book->round && !is_pinned(book, site);
    num_suspects += counts ? 1 : 0;
  }
  return book->rejected_last && num_suspects > (book->ever_accepted ? 1 : 0);
}

void advice_book_accepted(struct advice_book *book, const char *site) {
  pthread_mutex_lock(&book->mutex);
  if (!book->ever_accepted) {
    drop_all(book);  // until now nothing told apps from the CA
    book->ever_accepted = true;
  }
  if (book->rejected_last) {
    book->rejected_last = false;
    book->round++;
  }
  struct site *known = find(book, site);
  if (known != NULL) {
    drop(book, known);
  }
  pthread_mutex_unlock(&book->mutex);
}

static struct site *site_new(struct advice_book *book, const char *name) {
  size_t size = strlen(name) + 1;
  struct site *site = xcalloc(1, sizeof *site + size);
  memcpy(site->name, name, size);
  site->first_round = book->round;
  if (book->num_sites == kAdviceMaxSites) {
    drop(book, book->sites);
  }
  book->num_sites++;
  return site;
}

// Returns the entry for a site that was rejected once more.
static struct site *note_rejection(struct advice_book *book, const char *name) {
  struct site *site = find(book, name);
  if (site != NULL) {
    DL_DELETE(book->sites, site);
  } else {
    site = site_new(book, name);
  }
  DL_APPEND(book->sites, site);
  site->num_rejections++;
  site->last_round = book->round;
  book->rejected_last = true;
  return site;
}

static struct advice advice_about(const struct site *site) {
  struct advice advice = {.kind = ADVICE_PINNED_APP};
  snprintf(advice.site, sizeof advice.site, "%s", site->name);
  return advice;
}

bool advice_book_rejected(struct advice_book *book, struct advice *out,
                          const char *site) {
  pthread_mutex_lock(&book->mutex);
  const struct site *entry = note_rejection(book, site);
  bool found = true;
  if (is_pinned(book, entry)) {
    *out = advice_about(entry);
  } else if (is_untrusted(book)) {
    *out = (struct advice){.kind = ADVICE_UNTRUSTED_CA};
  } else {
    found = false;
  }
  pthread_mutex_unlock(&book->mutex);
  return found;
}

size_t advice_book_list(struct advice_book *book,
                        struct advice out[kAdviceMaxSites + 1]) {
  size_t num = 0;
  const struct site *site = NULL;
  pthread_mutex_lock(&book->mutex);
  if (is_untrusted(book)) {
    out[num++] = (struct advice){.kind = ADVICE_UNTRUSTED_CA};
  }
  DL_FOREACH(book->sites, site) {
    if (is_pinned(book, site)) {
      out[num++] = advice_about(site);
    }
  }
  pthread_mutex_unlock(&book->mutex);
  return num;
}

const char *advice_kind_json(enum advice_kind kind) {
  static const char *const kNames[] = {
#define X(name, json) [name] = json,
      ADVICE_KINDS(X)
#undef X
  };
  return kNames[kind];
}

const char *advice_text(char out[kAdviceTextSize],
                        const struct advice *advice) {
  switch (advice->kind) {
    case ADVICE_UNTRUSTED_CA:
      snprintf(out, kAdviceTextSize,
               "Browsers do not accept this proxy's certificates, because they "
               "do not trust its CA yet: run echproxy trust, then start the "
               "browser anew.");
      break;
    case ADVICE_PINNED_APP:
      snprintf(out, kAdviceTextSize,
               "Something accepts no certificate of this proxy's for %s, while "
               "those of other sites are accepted; an app may accept its own "
               "only. A site rule with mode = pass lets it through, and then "
               "its name is not hidden.",
               advice->site);
      break;
  }
  return out;
}

const char *advice_fix(enum advice_kind kind) {
  return kind == ADVICE_UNTRUSTED_CA ? "echproxy trust" : NULL;
}
