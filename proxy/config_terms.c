#include "proxy/config_terms.h"

#include "ech/lookup.h"
#include "net/xalloc.h"

static void release(void *owner) {
  struct terms *terms = owner;
  resolver_free(terms->resolver);
  config_unref(terms->config);
  free(terms);
}

struct terms *config_terms_new(struct config *config, struct worker *worker,
                               const struct terms *before) {
  const struct options *options = &config->options;
  struct terms *terms = xcalloc(1, sizeof(*terms));
  *terms = (struct terms){
      .worker = worker,
      .resolver =
          options_resolver_new(options, worker, config->trust.resolvers),
      .origin = config->origin,
      .mode = options->mode,
      .upstream = options->upstream,
      .sites = options->sites,
      .users = config->users,
      .config = config_ref(config),
      .num_refs = 1,
      .release = release,
  };
  if (before != NULL) {
    resolver_succeed(terms->resolver, before->resolver);
  }
  return terms;
}
