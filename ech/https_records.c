#include "ech/https_records.h"

#include <openssl/rand.h>

#include "ech/config_list.h"
#include "net/xalloc.h"

// A record that was read, and whether its `ech` is one that we can use.
struct candidate {
  struct svcb svcb;
  bool has_ech;
};

static bool read_all(struct candidate *out, const struct dns_answer *answer) {
  for (size_t i = 0; i < answer->num_records; i++) {
    const struct dns_record *r = &answer->records[i];
    struct candidate *c = &out[i];
    if (!svcb_parse(&c->svcb, r->rdata, r->rdata_len)) {
      return false;
    }
    struct ech_config_entry ignored;
    c->has_ech = c->svcb.ech != NULL &&
                 ech_config_list_usable(c->svcb.ech, c->svcb.ech_len, &ignored);
  }
  return true;
}

// One AliasMode record makes the ServiceMode records be ignored (RFC 9460,
// section 2.4.1); of several, one is picked at random (section 2.4.2).
static const struct svcb *pick_alias(const struct candidate *candidates,
                                     size_t num) {
  const struct svcb *picked = NULL;
  size_t num_aliases = 0;
  for (size_t i = 0; i < num; i++) {
    if (candidates[i].svcb.priority != 0) {
      continue;
    }
    uint32_t random;
    RAND_bytes((uint8_t *)&random, sizeof(random));
    if (random % ++num_aliases == 0) {
      picked = &candidates[i].svcb;
    }
  }
  return picked;
}

static int compare(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->has_ech != y->has_ech) {
    return x->has_ech ? -1 : 1;
  }
  return (x->svcb.priority > y->svcb.priority) -
         (x->svcb.priority < y->svcb.priority);
}

static void record_from(struct https_record *out, const struct candidate *c,
                        const char *owner) {
  const struct svcb *s = &c->svcb;
  out->target_is_owner = strcmp(s->target, ".") == 0;
  strcpy(out->target, out->target_is_owner ? owner : s->target);
  out->priority = s->priority;
  out->port = s->has_port ? s->port : 0;
  if (c->has_ech) {
    out->ech = xmemdup(s->ech, s->ech_len);
    out->ech_len = s->ech_len;
  }
  out->alpn = s->alpn_len == 0 ? NULL : xmemdup(s->alpn, s->alpn_len);
  out->alpn_len = s->alpn_len;
  out->no_default_alpn = s->no_default_alpn;
  memcpy(out->hints, s->hints, sizeof(out->hints));
  out->num_hints = s->num_hints;
}

void https_records_read(struct https_records *out,
                        const struct dns_answer *answer) {
  *out = (struct https_records){.mode = HTTPS_MALFORMED};
  size_t num = answer->num_records;
  struct candidate *candidates = xcalloc(num, sizeof(*candidates));
  if (!read_all(candidates, answer)) {
    goto done;
  }
  const struct svcb *alias = pick_alias(candidates, num);
  if (alias != NULL) {
    out->mode = HTTPS_ALIAS;
    strcpy(out->alias, alias->target);
    goto done;
  }
  out->mode = HTTPS_SERVICE;
  qsort(candidates, num, sizeof(*candidates), compare);
  for (size_t i = 0; i < num && out->num_records < kHttpsMaxRecords; i++) {
    if (candidates[i].svcb.compatible) {
      record_from(&out->records[out->num_records++], &candidates[i],
                  answer->name);
    }
  }
done:
  free(candidates);
}

void https_records_cleanup(struct https_records *records) {
  for (size_t i = 0; i < records->num_records; i++) {
    free(records->records[i].ech);
    free(records->records[i].alpn);
  }
  records->num_records = 0;
}
