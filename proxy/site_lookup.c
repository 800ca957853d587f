#include "proxy/site_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"
#include "proxy/site_answer.h"

enum { kHttpsPort = 443 };

struct site_lookup {
  struct resolver *resolver;
  const struct site_rules *rules;
  struct site_rule rule;
  char *host;
  uint16_t port;
  site_lookup_cb *done;
  void *owner;
  struct lookup *own;              // of the site; NULL when it is done
  struct lookup_answer *answer;    // its outcome
  struct lookup *other;            // of the name in ech-from, likewise
  struct lookup_answer *borrowed;  // its outcome
};

void site_lookup_cancel(struct site_lookup *l) {
  if (l == NULL) {
    return;
  }
  lookup_cancel(l->own);
  lookup_cancel(l->other);
  lookup_answer_unref(l->answer);
  lookup_answer_unref(l->borrowed);
  free(l->host);
  free(l);
}

// Ends `l` with `answer`, which it takes.
static void finish(struct site_lookup *l, struct lookup_answer *answer) {
  site_lookup_cb *done = l->done;
  void *owner = l->owner;
  const struct site_rule rule = l->rule;
  site_lookup_cancel(l);
  done(owner, answer, &rule);
}

static void finish_as_it_is(struct site_lookup *l) {
  lookup_answer_ref(l->answer);
  finish(l, l->answer);
}

static void finish_with_ech(struct site_lookup *l, const uint8_t *ech,
                            size_t ech_len, uint32_t ttl, const char *detail) {
  finish(l,
         site_answer_with_ech(l->answer, l->host, ech, ech_len, ttl, detail));
}

static void finish_with_borrowed(struct site_lookup *l) {
  const struct endpoint *from = site_answer_ech(l->borrowed);
  if (from != NULL) {
    finish_with_ech(l, from->ech, from->ech_len, l->borrowed->ttl,
                    "a site rule borrows another name's ECH configuration");
    return;
  }
  bool failed = l->borrowed->status == LOOKUP_FAILED;
  finish(l, lookup_answer_new(
                LOOKUP_FAILED,
                failed ? "the name in the site rule's ech-from could not be "
                         "looked up"
                       : "the name in the site rule's ech-from publishes no "
                         "ECH configuration that can be used",
                0, NULL, 0, NULL, 0));
}

// Whether there is a name to hide, and whether the user wants it hidden.
static bool may_use_ech(const struct site_lookup *l) {
  struct address ip;
  return site_rule_mode(&l->rule, MODE_PREFER) != MODE_PASS &&
         !address_from_ip(&ip, l->host, 0);
}

// The section that says where the ECH configuration is from, or NULL.
static const struct site_section *ech_section(const struct site_lookup *l) {
  return may_use_ech(l) ? l->rule.from[SITE_ECH] : NULL;
}

static void on_other(void *owner, struct lookup_answer *answer);

static void start_other(struct site_lookup *l, const char *name) {
  l->other = lookup_start(l->resolver, name, kHttpsPort, on_other, l);
}

// Ends `l` when all that it needs is known, and asks for what is missing.
static void proceed(struct site_lookup *l) {
  const struct site_section *section = ech_section(l);
  if (section == NULL || !site_answer_can_take_ech(l->answer)) {
    finish_as_it_is(l);
  } else if (section->ech != NULL) {
    finish_with_ech(l, section->ech, section->ech_len, UINT32_MAX,
                    "a site rule has its ECH configuration");
  } else if (l->answer->status == LOOKUP_ECH) {
    finish_as_it_is(l);
  } else if (l->borrowed != NULL) {
    finish_with_borrowed(l);
  } else if (l->other == NULL) {
    start_other(l, section->ech_from);
  }
}

static void on_other(void *owner, struct lookup_answer *answer) {
  struct site_lookup *l = owner;
  l->other = NULL;
  l->borrowed = answer;  // taken
  if (l->answer != NULL) {
    proceed(l);
  }
}

static void apply_addresses(struct site_lookup *l) {
  const struct site_section *section = l->rule.from[SITE_ADDRESS];
  if (section == NULL || l->answer->status == LOOKUP_FORBIDDEN) {
    return;
  }
  struct lookup_answer *changed = site_answer_with_addresses(
      l->answer, l->port, section->addresses, section->num_addresses);
  lookup_answer_unref(l->answer);
  l->answer = changed;
}

// Looks whether one of all the addresses is in a range, unless the site has an
// ECH configuration of its own.
static void apply_ranges(struct site_lookup *l) {
  struct address all[kLookupMaxAddresses * (1 + kLookupMaxEndpoints)];
  const struct lookup_answer *a = l->answer;
  size_t num = 0;
  if (a->status == LOOKUP_ECH || !may_use_ech(l)) {
    return;
  }
  for (size_t i = 0; i < a->num_addresses; i++) {
    all[num++] = a->addresses[i];
  }
  for (size_t i = 0; i < a->num_endpoints; i++) {
    for (size_t k = 0; k < a->endpoints[i].num_addresses; k++) {
      all[num++] = a->endpoints[i].addresses[k];
    }
  }
  site_rule_add_ranges(&l->rule, l->rules, all, num);
}

static void on_own(void *owner, struct lookup_answer *answer) {
  struct site_lookup *l = owner;
  l->own = NULL;
  l->answer = answer;  // taken
  apply_addresses(l);
  apply_ranges(l);
  proceed(l);
}

struct site_lookup *site_lookup_start(struct resolver *resolver,
                                      const struct site_rules *rules,
                                      const char *host, uint16_t port,
                                      site_lookup_cb *done, void *owner) {
  struct site_lookup *l = xcalloc(1, sizeof(*l));
  l->resolver = resolver;
  l->rules = rules;
  l->host = xstrdup(host);
  l->port = port;
  l->done = done;
  l->owner = owner;
  site_rule_for_host(&l->rule, rules, host);
  l->own = lookup_start(resolver, host, port, on_own, l);
  const struct site_section *section = ech_section(l);
  if (section != NULL && section->ech_from != NULL) {
    start_other(l, section->ech_from);
  }
  return l;
}

bool site_lookup_is_cached(const struct site_lookup *l) {
  return lookup_is_cached(l->own) &&
         (l->other == NULL || lookup_is_cached(l->other));
}
