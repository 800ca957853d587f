#include "status/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <utlist.h>

#include "net/xalloc.h"

static const struct {
  const char *json;
  const char *text;
} kVerdicts[] = {
#define X(name, json, text) [name] = {json, text},
    VISIT_VERDICTS(X)
#undef X
};

const char *visit_verdict_json(enum visit_verdict verdict) {
  return kVerdicts[verdict].json;
}

const char *visit_verdict_text(enum visit_verdict verdict) {
  return kVerdicts[verdict].text;
}

// A ClientHello as far as it is kept, and how long it was.
struct kept_hello {
  uint8_t *bytes;
  size_t sent_len;
};

// Texts are on the heap and as long as they are, since a tunnel that idles
// keeps its visit.
struct visit {
  struct journal *journal;
  struct visit *prev;
  struct visit *next;
  uint64_t id;
  uint64_t version;
  int64_t started_ms;    // since 1970
  uint64_t started_at;   // monotonic, in ms
  uint64_t duration_ms;  // once it is done
  atomic_uint_fast64_t bytes_up;
  atomic_uint_fast64_t bytes_down;
  uint64_t bytes_shown;  // of both, when journal_each looked last
  char *host;
  char *address;
  char *name;
  char *cause;
  char *alpn;
  const char *step;
  const char *tls_version;
  const char *group;
  const char *cipher;
  struct kept_hello outer;
  struct kept_hello inner;
  uint16_t port;
  uint8_t verdict;
  bool resumed;
  bool retried;
  bool done;
  bool listed;  // false once it has made room, while it is under way
};

struct journal {
  pthread_mutex_t mutex;  // of all that follows, and of the visits but octets
  struct visit *visits;   // the oldest first
  size_t num_visits;
  size_t max_visits;
  uint64_t last_id;
  uint64_t version;
  // The version of the newest change but those of octets. It is written under
  // the mutex.
  atomic_uint_fast64_t told_version;
};

static uint64_t clock_ms(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct journal *journal_new(size_t max_visits) {
  struct journal *journal = xcalloc(1, sizeof *journal);
  pthread_mutex_init(&journal->mutex, NULL);
  journal->max_visits = max_visits;
  return journal;
}

static void kept_hello_cleanup(struct kept_hello *hello) {
  free(hello->bytes);
  *hello = (struct kept_hello){0};
}

static void visit_free(struct visit *visit) {
  kept_hello_cleanup(&visit->outer);
  kept_hello_cleanup(&visit->inner);
  free(visit->host);
  free(visit->address);
  free(visit->name);
  free(visit->cause);
  free(visit->alpn);
  free(visit);
}

void journal_free(struct journal *journal) {
  if (journal == NULL) {
    return;
  }
  struct visit *visit = NULL;
  struct visit *next = NULL;
  DL_FOREACH_SAFE(journal->visits, visit, next) { visit_free(visit); }
  pthread_mutex_destroy(&journal->mutex);
  free(journal);
}

// note_change makes `visit` one that has changed. Under the mutex, as all below
// that does not take it.
static void note_change(struct visit *visit) {
  visit->version = ++visit->journal->version;
  visit->journal->told_version = visit->version;
}

// evict takes the oldest visit off the list. One that is under way lives on
// without its hellos.
static void evict(struct journal *journal) {
  struct visit *visit = journal->visits;
  DL_DELETE(journal->visits, visit);
  journal->num_visits--;
  if (visit->done) {
    visit_free(visit);
    return;
  }
  visit->listed = false;
  kept_hello_cleanup(&visit->outer);
  kept_hello_cleanup(&visit->inner);
}

struct visit *visit_begin(struct journal *journal, const char *host,
                          uint16_t port) {
  struct visit *visit = xcalloc(1, sizeof *visit);
  visit->journal = journal;
  visit->started_ms = (int64_t)clock_ms(CLOCK_REALTIME);
  visit->started_at = clock_ms(CLOCK_MONOTONIC);
  visit->host = xstrdup(host);
  visit->port = port;
  visit->listed = true;

  pthread_mutex_lock(&journal->mutex);
  visit->id = ++journal->last_id;
  DL_APPEND(journal->visits, visit);
  journal->num_visits++;
  note_change(visit);
  if (journal->num_visits > journal->max_visits) {
    evict(journal);
  }
  pthread_mutex_unlock(&journal->mutex);
  return visit;
}

// keep_text puts a copy of `text` in the place of `*kept`, unless it is NULL.
static void keep_text(char **kept, const char *text) {
  if (text != NULL) {
    char *copy = xstrdup(text);
    free(*kept);
    *kept = copy;
  }
}

// keep_static does it for a text that need not be copied.
static void keep_static(const char **kept, const char *text) {
  if (text != NULL) {
    *kept = text;
  }
}

static void keep_hello(struct kept_hello *kept, const uint8_t *bytes,
                       size_t len) {
  if (bytes == NULL || len == 0) {
    return;
  }
  free(kept->bytes);
  kept->bytes = xmemdup(bytes, len < kVisitHelloMax ? len : kVisitHelloMax);
  kept->sent_len = len;
}

void visit_set_host(struct visit *visit, const char *host) {
  pthread_mutex_lock(&visit->journal->mutex);
  keep_text(&visit->host, host);
  note_change(visit);
  pthread_mutex_unlock(&visit->journal->mutex);
}

void visit_note(struct visit *visit, const struct visit_facts *facts) {
  pthread_mutex_lock(&visit->journal->mutex);
  keep_text(&visit->address, facts->address);
  keep_text(&visit->name, facts->name);
  keep_text(&visit->cause, facts->cause);
  keep_text(&visit->alpn, facts->alpn);
  keep_static(&visit->step, facts->step);
  keep_static(&visit->tls_version, facts->version);
  keep_static(&visit->group, facts->group);
  keep_static(&visit->cipher, facts->cipher);
  visit->resumed = visit->resumed || facts->resumed;
  visit->retried = visit->retried || facts->retried;
  if (visit->listed) {
    keep_hello(&visit->outer, facts->hello, facts->hello_len);
    keep_hello(&visit->inner, facts->inner_hello, facts->inner_hello_len);
  }
  note_change(visit);
  pthread_mutex_unlock(&visit->journal->mutex);
}

void visit_decide(struct visit *visit, enum visit_verdict verdict) {
  pthread_mutex_lock(&visit->journal->mutex);
  visit->verdict = (uint8_t)verdict;
  note_change(visit);
  pthread_mutex_unlock(&visit->journal->mutex);
}

void visit_count(struct visit *visit, uint64_t up, uint64_t down) {
  if (up != 0) {
    atomic_fetch_add_explicit(&visit->bytes_up, up, memory_order_relaxed);
  }
  if (down != 0) {
    atomic_fetch_add_explicit(&visit->bytes_down, down, memory_order_relaxed);
  }
}

void visit_end(struct visit *visit) {
  struct journal *journal = visit->journal;
  pthread_mutex_lock(&journal->mutex);
  visit->done = true;
  visit->duration_ms = clock_ms(CLOCK_MONOTONIC) - visit->started_at;
  if (visit->verdict == VISIT_OPEN) {
    visit->verdict = VISIT_ABANDONED;
  }
  note_change(visit);
  bool is_gone = !visit->listed;
  pthread_mutex_unlock(&journal->mutex);
  if (is_gone) {
    visit_free(visit);
  }
}

static const char *or_empty(const char *text) {
  return text == NULL ? "" : text;
}

// show_text writes a text that may be NULL, as far as it fits.
static void show_text(char *out, size_t size, const char *text) {
  snprintf(out, size, "%s", or_empty(text));
}

static void show(const struct visit *visit, struct visit_row *out) {
  out->id = visit->id;
  out->started_ms = visit->started_ms;
  out->duration_ms = visit->done
                         ? visit->duration_ms
                         : clock_ms(CLOCK_MONOTONIC) - visit->started_at;
  out->done = visit->done;
  out->verdict = (enum visit_verdict)visit->verdict;
  out->step = or_empty(visit->step);
  show_text(out->host, sizeof out->host, visit->host);
  out->port = visit->port;
  show_text(out->address, sizeof out->address, visit->address);
  show_text(out->name, sizeof out->name, visit->name);
  show_text(out->cause, sizeof out->cause, visit->cause);
  show_text(out->alpn, sizeof out->alpn, visit->alpn);
  out->tls_version = or_empty(visit->tls_version);
  out->group = or_empty(visit->group);
  out->cipher = or_empty(visit->cipher);
  out->resumed = visit->resumed;
  out->retried = visit->retried;
  out->bytes_up = atomic_load_explicit(&visit->bytes_up, memory_order_relaxed);
  out->bytes_down =
      atomic_load_explicit(&visit->bytes_down, memory_order_relaxed);
  out->hello_len = visit->outer.sent_len;
}

void visit_read(const struct visit *visit, struct visit_row *out) {
  pthread_mutex_lock(&visit->journal->mutex);
  show(visit, out);
  pthread_mutex_unlock(&visit->journal->mutex);
}

uint64_t journal_version(const struct journal *journal) {
  return journal->told_version;
}

// note_octets makes a visit that had octets since anybody looked one that has
// changed, for whoever looks: nobody is told.
static void note_octets(struct visit *visit) {
  uint64_t bytes =
      atomic_load_explicit(&visit->bytes_up, memory_order_relaxed) +
      atomic_load_explicit(&visit->bytes_down, memory_order_relaxed);
  if (bytes != visit->bytes_shown) {
    visit->bytes_shown = bytes;
    visit->version = ++visit->journal->version;
  }
}

uint64_t journal_each(struct journal *journal, uint64_t version,
                      void (*see)(void *owner, const struct visit_row *row),
                      void *owner) {
  struct visit_row row;
  struct visit *visit = NULL;
  pthread_mutex_lock(&journal->mutex);
  DL_FOREACH(journal->visits, visit) {
    note_octets(visit);
    if (visit->version > version) {
      show(visit, &row);
      see(owner, &row);
    }
  }
  uint64_t reached = journal->version;
  pthread_mutex_unlock(&journal->mutex);
  return reached;
}

static void copy_hello(const struct kept_hello *hello, uint8_t **out,
                       size_t *out_len) {
  if (hello->bytes != NULL) {
    *out_len =
        hello->sent_len < kVisitHelloMax ? hello->sent_len : kVisitHelloMax;
    *out = xmemdup(hello->bytes, *out_len);
  }
}

bool journal_find(struct journal *journal, uint64_t id,
                  struct visit_row *out_row, struct visit_hellos *out_hellos) {
  struct visit *visit = NULL;
  pthread_mutex_lock(&journal->mutex);
  DL_SEARCH_SCALAR(journal->visits, visit, id, id);
  if (visit != NULL) {
    show(visit, out_row);
  }
  if (visit != NULL && out_hellos != NULL) {
    *out_hellos = (struct visit_hellos){0};
    copy_hello(&visit->outer, &out_hellos->outer, &out_hellos->outer_len);
    copy_hello(&visit->inner, &out_hellos->inner, &out_hellos->inner_len);
  }
  pthread_mutex_unlock(&journal->mutex);
  return visit != NULL;
}

void visit_hellos_cleanup(struct visit_hellos *hellos) {
  free(hellos->outer);
  free(hellos->inner);
  *hellos = (struct visit_hellos){0};
}
