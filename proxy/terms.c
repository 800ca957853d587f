#include "proxy/terms.h"

struct terms *terms_ref(struct terms *terms) {
  terms->num_refs++;
  return terms;
}

void terms_unref(struct terms *terms) {
  if (terms != NULL && --terms->num_refs == 0) {
    worker_defer(terms->worker, &terms->task, terms->release, terms);
  }
}
