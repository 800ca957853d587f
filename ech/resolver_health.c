#include "ech/resolver_health.h"

#include <pthread.h>
#include <time.h>

#include "net/xalloc.h"

// One question that goes unanswered says little of the server: the fault may be
// the name's. Once it has answered others, it takes a second one to tell.
enum { kFailuresInRow = 2 };

struct resolver_health {
  pthread_mutex_t mutex;
  struct resolver_report report;  // but for its state
  unsigned num_failures;          // since the last answer
};

struct resolver_health *resolver_health_new(void) {
  struct resolver_health *health = xcalloc(1, sizeof *health);
  pthread_mutex_init(&health->mutex, NULL);
  return health;
}

void resolver_health_free(struct resolver_health *health) {
  if (health != NULL) {
    pthread_mutex_destroy(&health->mutex);
    free(health);
  }
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void resolver_health_answered(struct resolver_health *health) {
  pthread_mutex_lock(&health->mutex);
  health->report.last_ok_ms = now_ms();
  health->num_failures = 0;
  pthread_mutex_unlock(&health->mutex);
}

void resolver_health_failed(struct resolver_health *health, const char *why) {
  pthread_mutex_lock(&health->mutex);
  health->report.last_failed_ms = now_ms();
  health->report.last_error = why;
  health->num_failures++;
  pthread_mutex_unlock(&health->mutex);
}

static enum resolver_state state_of(const struct resolver_health *health) {
  if (health->report.last_ok_ms == 0) {
    return health->num_failures > 0 ? RESOLVER_FAILING : RESOLVER_UNUSED;
  }
  return health->num_failures >= kFailuresInRow ? RESOLVER_FAILING
                                                : RESOLVER_OK;
}

void resolver_health_read(struct resolver_health *health,
                          struct resolver_report *out) {
  pthread_mutex_lock(&health->mutex);
  *out = health->report;
  out->state = state_of(health);
  pthread_mutex_unlock(&health->mutex);
}
