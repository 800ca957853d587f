#include "proxy/config.h"

#include "ech/origin.h"
#include "net/xalloc.h"

static bool read_users(struct config *config, struct key_error *out_error) {
  const char *path = config->options.users;
  if (path != NULL) {
    config->users = user_list_read(path, out_error);
  }
  return path == NULL || config->users != NULL;
}

struct config *config_new(struct options *options, X509 *own_ca,
                          struct key_error *out_error) {
  struct config *config = xcalloc(1, sizeof(*config));
  config->num_refs = 1;
  config->options = *options;
  *options = (struct options){.help = false};
  if (!trust_init(&config->trust, out_error, &config->options, own_ca) ||
      !read_users(config, out_error)) {
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
  user_list_free(config->users);
  options_cleanup(&config->options);
  free(config);
}
