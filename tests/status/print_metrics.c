// Prints what GET /metrics answers, with a number of its own for each, for
// tests of what reads it.

#include <stdio.h>
#include <stdlib.h>

#include "status/metrics_text.h"

static void count_all(struct tally *tally) {
  for (int i = 0; i <= TALLY_BYTES_DOWN; i++) {
    tally_add(tally, (enum tally_counter)i, 1000 + (uint64_t)i);
  }
  for (int i = VISIT_OPEN + 1; i <= VISIT_UPGRADED; i++) {
    tally_verdict(tally, (enum visit_verdict)i);
  }
  for (int i = 0; i <= TALLY_REFUSED_OTHER; i++) {
    tally_refused(tally, (enum tally_refusal)i);
  }
  tally_took(tally, TALLY_LOOKUP_TIME, 1500);
  tally_took(tally, TALLY_HANDSHAKE_TIME, 30000000);
}

int main(void) {
  const struct metrics_facts facts = {.version = "0.1.0",
                                      .boringssl = "BoringSSL (\"test\")",
                                      .started_ms = 1764323000120,
                                      .open = 3};
  struct tally *tally = tally_new();
  struct tally_counts counts;
  size_t len;
  count_all(tally);
  tally_read(tally, &counts);
  char *text = metrics_text(&facts, &counts, &len);
  fwrite(text, 1, len, stdout);
  free(text);
  tally_free(tally);
  return 0;
}
