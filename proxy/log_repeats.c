#include "proxy/log_repeats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/bytes.h"
#include "net/xalloc.h"

// One kind of lines. Its key is all texts of the first of them, each with its
// NUL, which `sample` points into.
struct kind {
  struct log_line sample;  // whose numbers are those of the lines held back
  uint64_t num;            // in all
  UT_hash_handle hh;
  char key[];
};

struct log_repeats {
  struct kind *kinds;
  uint64_t num_others;  // lines of kinds that found no room
};

enum { kMaxTexts = 7, kPortSize = 8 };

// The texts that make a line's kind. NULL and "" are two kinds.
struct texts {
  const char *texts[kMaxTexts];
  char port[kPortSize];
  char severity[2];
};

struct log_repeats *log_repeats_new(void) {
  return xcalloc(1, sizeof(struct log_repeats));
}

static void forget(struct log_repeats *r) {
  struct kind *k, *next;
  HASH_ITER(hh, r->kinds, k, next) {
    HASH_DEL(r->kinds, k);
    free(k);
  }
  r->num_others = 0;
}

void log_repeats_free(struct log_repeats *r) {
  if (r != NULL) {
    forget(r);
    free(r);
  }
}

bool log_repeats_is_empty(const struct log_repeats *r) {
  return r->kinds == NULL && r->num_others == 0;
}

static void collect(struct texts *out, const struct log_line *line) {
  const struct log_tunnel *t = &line->tunnel;
  snprintf(out->port, sizeof(out->port), "%u", t->host != NULL ? t->port : 0);
  out->severity[0] = (char)('0' + (int)line->severity);
  out->severity[1] = '\0';
  const char *const texts[kMaxTexts] = {
      out->severity, line->message, t->verdict, t->step,
      t->cause,      t->host,       t->seen};
  memcpy(out->texts, texts, sizeof(texts));
}

// A text that is there has a mark before it.
static struct bytes key_of(const struct log_line *line) {
  struct texts texts;
  struct bytes key = {0};
  collect(&texts, line);
  for (size_t i = 0; i < kMaxTexts; i++) {
    if (texts.texts[i] != NULL) {
      bytes_append(&key, "+", 1);
      bytes_append(&key, texts.texts[i], strlen(texts.texts[i]));
    }
    bytes_append(&key, "", 1);
  }
  bytes_append(&key, texts.port, strlen(texts.port) + 1);
  return key;
}

// Takes the next text off `*io_key`.
static const char *next_text(const char **io_key) {
  const char *text = *io_key;
  *io_key += strlen(text) + 1;
  return text[0] == '+' ? text + 1 : NULL;
}

// Makes `k->sample` say what `line` does, with the texts of `k->key`.
static void set_sample(struct kind *k, const struct log_line *line) {
  const char *key = k->key;
  (void)next_text(&key);  // the severity
  k->sample = (struct log_line){.severity = line->severity};
  k->sample.message = next_text(&key);
  k->sample.tunnel.verdict = next_text(&key);
  k->sample.tunnel.step = next_text(&key);
  k->sample.tunnel.cause = next_text(&key);
  k->sample.tunnel.host = next_text(&key);
  k->sample.tunnel.seen = next_text(&key);
  k->sample.tunnel.port = line->tunnel.port;
}

// Returns the kind of `line`, or NULL when there is no room for a new one.
static struct kind *find(struct log_repeats *r, const struct log_line *line) {
  struct bytes key = key_of(line);
  struct kind *k;
  HASH_FIND(hh, r->kinds, key.data, key.len, k);
  if (k == NULL && HASH_COUNT(r->kinds) < kLogRepeatsMaxKinds) {
    k = xcalloc(1, sizeof(*k) + key.len);
    memcpy(k->key, key.data, key.len);
    set_sample(k, line);
    HASH_ADD_KEYPTR(hh, r->kinds, k->key, key.len, k);
  }
  free(key.data);
  return k;
}

static void hold_back(struct kind *k, const struct log_tunnel *t) {
  struct log_tunnel *sum = &k->sample.tunnel;
  k->sample.repeats++;
  sum->bytes_up += t->bytes_up;
  sum->bytes_down += t->bytes_down;
  if (sum->duration_ms < t->duration_ms) {
    sum->duration_ms = t->duration_ms;
  }
}

bool log_repeats_admit(struct log_repeats *r, const struct log_line *line) {
  if (line->is_answer) {
    return true;
  }
  struct kind *k = find(r, line);
  if (k == NULL) {
    // What errors say must not drown in the lines of others.
    return line->severity == LOG_SEVERITY_ERROR ||
           ++r->num_others <= kLogRepeatsOthersFree;
  }
  k->num++;
  if (k->num <= kLogRepeatsFree) {
    return true;
  }
  hold_back(k, &line->tunnel);
  return false;
}

void log_repeats_end(struct log_repeats *r, unsigned seconds,
                     void (*write)(void *owner, const struct log_line *line),
                     void *owner) {
  for (struct kind *k = r->kinds; k != NULL; k = k->hh.next) {
    if (k->sample.repeats > 0) {
      k->sample.seconds = seconds;
      write(owner, &k->sample);
    }
  }
  if (r->num_others > kLogRepeatsOthersFree) {
    write(owner,
          &(struct log_line){.severity = LOG_SEVERITY_INFO,
                             .message = "lines of many kinds",
                             .repeats = r->num_others - kLogRepeatsOthersFree,
                             .seconds = seconds});
  }
  forget(r);
}
