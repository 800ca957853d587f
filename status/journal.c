#include "status/journal.h"

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
