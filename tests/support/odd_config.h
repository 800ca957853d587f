// odd_config makes ECHConfigLists (RFC 9849, section 4) that clients must not
// use, each wrong in one way, and some that they may.

#ifndef ECHPROXY_TESTS_SUPPORT_ODD_CONFIG_H
#define ECHPROXY_TESTS_SUPPORT_ODD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `GOOD`, for comparison, is a well-formed list of one usable entry for
// public.test whose private key nobody has; OTHER_NAME is one for other.test.
#define ODD_CONFIGS(X)                                             \
  X(CONFIG_GOOD)                                                   \
  X(CONFIG_OTHER_NAME)                                             \
  X(CONFIG_NOTHING)         /* not one byte */                     \
  X(CONFIG_EMPTY_LIST)      /* a length of 0 */                    \
  X(CONFIG_LIST_TOO_LONG)   /* its length is more than there is */ \
  X(CONFIG_LIST_TOO_SHORT)  /* a byte follows it */                \
  X(CONFIG_ENTRY_TOO_LONG)  /* reaches beyond the list */          \
  X(CONFIG_ENTRY_TOO_SHORT) /* its fields reach beyond it */       \
  X(CONFIG_ENTRY_TRAILING)  /* a byte follows its fields */        \
  X(CONFIG_HALF_ENTRY)      /* a good one, then half a header */   \
  X(CONFIG_EMPTY_KEY)                                              \
  X(CONFIG_EMPTY_NAME)                                             \
  X(CONFIG_ODD_SUITES)    /* not a multiple of four bytes */       \
  X(CONFIG_NO_SUITES)     /* none at all */                        \
  X(CONFIG_UNKNOWN_SUITE) /* well-formed from here on */           \
  X(CONFIG_UNKNOWN_KEM)                                            \
  X(CONFIG_SHORT_KEY)                                              \
  X(CONFIG_ADDRESS_NAME)    /* 192.0.2.1 as public_name */         \
  X(CONFIG_BAD_NAME)        /* spaces in it */                     \
  X(CONFIG_MANDATORY)       /* an extension that must be known */  \
  X(CONFIG_UNKNOWN_VERSION) /* of the entry; all that there is */

enum odd_config {
#define X(name) name,
  ODD_CONFIGS(X)
#undef X
};

enum { kOddConfigSize = 512 };

const char *odd_config_str(enum odd_config config);

// odd_config_write writes the list and returns its length.
size_t odd_config_write(uint8_t out[kOddConfigSize], enum odd_config config);

#endif
