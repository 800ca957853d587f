// guesses slows down whoever tries passwords. A wrong one is answered after a
// while only, and while several such answers to the same address and name are
// due, more of its tries are not listened to: opening more connections does not
// help. Names are counted and not addresses alone, because a balancer in front
// of the proxy has one address for many people. It belongs to a worker's thread
// and its memory is fixed.

#ifndef ECHPROXY_PROXY_GUESSES_H
#define ECHPROXY_PROXY_GUESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/address.h"
#include "proxy/user_list.h"

enum {
  kGuessesDelayMs = 1000,  // between a wrong password and the answer
  kGuessesMaxDue = 4,      // answers to one address and name
  kGuessesNumPlaces = 1024,
};

// Counts are kept by a keyed hash, so that who shares one with whom cannot be
// arranged.
struct guesses {
  uint8_t num_due[kGuessesNumPlaces];
};

// guesses_place returns where tries of the name `name` from `address`, whatever
// its port, are counted.
size_t guesses_place(const struct user_list *users,
                     const struct address *address, const uint8_t *name,
                     size_t name_len);

// guesses_may_try says whether a try is listened to.
bool guesses_may_try(const struct guesses *guesses, size_t place);

// guesses_begin counts a wrong password of somebody who may try, and
// guesses_end, once for each, that it was answered or is gone.
void guesses_begin(struct guesses *guesses, size_t place);
void guesses_end(struct guesses *guesses, size_t place);

#endif
