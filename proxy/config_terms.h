// config_terms makes the terms (terms.h) that a worker's connections go by
// while a configuration is in force.

#ifndef ECHPROXY_PROXY_CONFIG_TERMS_H
#define ECHPROXY_PROXY_CONFIG_TERMS_H

#include "net/worker.h"
#include "proxy/config.h"
#include "proxy/terms.h"

// config_terms_new makes terms with one reference, which keep a reference of
// `config`. Their resolver takes the place of that of `before`, the same
// worker's; NULL: there is none yet.
struct terms *config_terms_new(struct config *config, struct worker *worker,
                               const struct terms *before);

#endif
