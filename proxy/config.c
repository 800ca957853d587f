#include "proxy/config.h"

#include "ech/origin.h"
#include "net/xalloc.h"

struct config *config_new(struct options *options, X509 *own_ca,
                          struct key_error *out_error) {
  struct config *config = xcalloc(1, sizeof(*config));
  config->num_refs = 1;
  config->options = *options;
  *options = (struct options){.help = false};
  if (!trust_init(&config->trust, out_error, &config->options, own_ca)) {
    config_unref(config);
    return NULL;
  }
  config->origin = origin_new(config->trust.sites);
  return config;
}

struct config *config_ref(struct config *config) {
  config->num_refs++;
  return config;
}

void config_unref(struct config *config) {
  if (config == NULL || --config->num_refs > 0) {
    return;
  }
  origin_free(config->origin);
  trust_cleanup(&config->trust);
  options_cleanup(&config->options);
  free(config);
}
