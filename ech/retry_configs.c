#include "ech/retry_configs.h"

#include "ech/config_list.h"

enum retry_meaning retry_configs_read(const uint8_t *configs, size_t len,
                                      const char *host) {
  struct ech_config_entry entry;
  if (len == 0) {
    return RETRY_DISABLES;
  }
  if (ech_config_list_hides(configs, len, host, &entry)) {
    return RETRY_REPLACES;
  }
  if (!ech_config_list_well_formed(configs, len)) {
    return RETRY_UNUSABLE;
  }
  // Without any version that we know, ECH as we know it is switched off.
  size_t offset = 0;
  while (ech_config_list_next(configs, len, &offset, &entry)) {
    if (entry.verdict != ECH_CONFIG_UNKNOWN_VERSION) {
      return RETRY_UNUSABLE;
    }
  }
  return RETRY_DISABLES;
}
