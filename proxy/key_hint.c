#include "proxy/key_hint.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proxy/setting.h"
#include "proxy/site_setting.h"

enum { kMaxName = 31 };

static size_t min2(size_t a, size_t b) { return a < b ? a : b; }

// The three last rows of the table of distances between beginnings of `a`, the
// lines, and of `b`, the columns.
struct rows {
  size_t two_ago[kMaxName + 1];
  size_t before[kMaxName + 1];
  size_t now[kMaxName + 1];
};

static void fill_row(struct rows *r, const char *a, size_t i, const char *b,
                     size_t b_len) {
  r->now[0] = i;
  for (size_t k = 1; k <= b_len; k++) {
    size_t replaced = r->before[k - 1] + (a[i - 1] != b[k - 1]);
    size_t best = min2(replaced, min2(r->before[k], r->now[k - 1]) + 1);
    if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1]) {
      best = min2(best, r->two_ago[k - 2] + 1);
    }
    r->now[k] = best;
  }
}

size_t key_hint_distance(const char *a, const char *b) {
  struct rows r = {.now = {0}};
  size_t b_len = strlen(b);
  assert(b_len <= kMaxName);
  for (size_t k = 0; k <= b_len; k++) {
    r.now[k] = k;
  }
  for (size_t i = 1; a[i - 1] != '\0'; i++) {
    memcpy(r.two_ago, r.before, sizeof(r.two_ago));
    memcpy(r.before, r.now, sizeof(r.before));
    fill_row(&r, a, i, b, b_len);
  }
  return r.now[b_len];
}

static const char *key_of(const char *section, size_t i) {
  size_t num;
  if (strcmp(section, "site") == 0) {
    const struct site_setting *all = site_setting_all(&num);
    return i < num ? all[i].name : NULL;
  }
  const struct setting *all = setting_all(&num);
  for (size_t k = 0; k < num; k++) {
    if (all[k].section != NULL && strcmp(all[k].section, section) == 0 &&
        i-- == 0) {
      return all[k].name;
    }
  }
  return NULL;
}

// The key that a third of the letters or fewer make of `name`, or NULL.
static const char *nearest(const char *section, const char *name) {
  const char *best = NULL;
  size_t len = strlen(name);
  size_t limit = len <= 2 * kMaxName ? (len + 2) / 3 : 0;
  const char *key;
  for (size_t i = 0; limit > 0 && (key = key_of(section, i)) != NULL; i++) {
    size_t distance = key_hint_distance(name, key);
    if (distance <= limit) {
      best = key;
      limit = distance - 1;
    }
  }
  return best;
}

static const char *section_with(const char *name) {
  static const char *const kSections[] = {"proxy", "resolver", "site"};
  for (size_t i = 0; i < sizeof(kSections) / sizeof(kSections[0]); i++) {
    const char *key;
    for (size_t k = 0; (key = key_of(kSections[i], k)) != NULL; k++) {
      if (strcmp(key, name) == 0) {
        return kSections[i];
      }
    }
  }
  return NULL;
}

static void list_keys(char out[kKeyHintSize], const char *section) {
  const char *key;
  snprintf(out, kKeyHintSize, "its keys are ");
  for (size_t i = 0; (key = key_of(section, i)) != NULL; i++) {
    size_t used = strlen(out);
    snprintf(out + used, kKeyHintSize - used, "%s%s", i > 0 ? ", " : "", key);
  }
}

void key_hint_write(char out[kKeyHintSize], const char *section,
                    const char *name) {
  const char *other = section_with(name);
  const char *near = nearest(section, name);
  if (other != NULL) {
    snprintf(out, kKeyHintSize, "it belongs in [%s]",
             strcmp(other, "site") == 0 ? "site \"NAME\"" : other);
  } else if (near != NULL) {
    snprintf(out, kKeyHintSize, "did you mean '%s'?", near);
  } else {
    list_keys(out, section);
  }
}
