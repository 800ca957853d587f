#include "proxy/guesses.h"

#include <assert.h>
#include <string.h>

size_t guesses_place(const struct user_list *users,
                     const struct address *address, const uint8_t *name,
                     size_t name_len) {
  uint8_t data[sizeof(address->ip) + kUserListMaxText];
  assert(name_len <= kUserListMaxText);
  memset(data, 0, sizeof(address->ip));
  memcpy(data, address->ip, address->is_ipv6 ? 16 : 4);
  memcpy(data + sizeof(address->ip), name, name_len);
  return user_list_hash(users, data, sizeof(address->ip) + name_len) %
         kGuessesNumPlaces;
}

bool guesses_may_try(const struct guesses *g, size_t place) {
  return g->num_due[place] < kGuessesMaxDue;
}

void guesses_begin(struct guesses *g, size_t place) {
  assert(guesses_may_try(g, place));
  g->num_due[place]++;
}

void guesses_end(struct guesses *g, size_t place) {
  assert(g->num_due[place] > 0);
  g->num_due[place]--;
}
