// faulty_link is a bad stretch of network in front of a TLS server: a TCP
// forwarder that lets so many of the server's records through and then does
// something to the next. It runs on a thread of its own.

#ifndef ECHPROXY_TESTS_SUPPORT_FAULTY_LINK_H
#define ECHPROXY_TESTS_SUPPORT_FAULTY_LINK_H

#include <stddef.h>
#include <stdint.h>

#define LINK_FAULTS(X)                                                \
  X(LINK_SOUND, "nothing")                                            \
  X(LINK_CUT, "a cut")                       /* FIN before it */      \
  X(LINK_CUT_INSIDE, "a cut inside")         /* FIN half way in it */ \
  X(LINK_RESET, "a reset")                   /* instead of it */      \
  X(LINK_CORRUPT, "a corrupted byte")        /* half way in it */     \
  X(LINK_CORRUPT_HEADER, "a corrupted type") /* its first byte */     \
  X(LINK_STALL, "a stall")                   /* nothing from it on */

enum link_fault {
#define X(name, text) name,
  LINK_FAULTS(X)
#undef X
};

const char *link_fault_str(enum link_fault fault);

struct faulty_link;

// faulty_link_new listens on a free port and forwards to 127.0.0.1:`port`. On
// every connection `fault` befalls the server's record number `at`, from 0.
// Released with faulty_link_free.
struct faulty_link *faulty_link_new(uint16_t port, enum link_fault fault,
                                    size_t at);
void faulty_link_free(struct faulty_link *link);

uint16_t faulty_link_port(const struct faulty_link *link);

// faulty_link_num_records returns how many records the server has sent so far
// on the connection that had the most.
size_t faulty_link_num_records(struct faulty_link *link);

#endif
