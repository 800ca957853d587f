#include "proxy/status_format.h"

#include <stdio.h>

const char *status_format_bytes(char out[kStatusFormatSize], uint64_t bytes) {
  static const char *const kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = (double)bytes;
  int unit = 0;
  while (value >= 999.5 && unit < 5) {
    value /= 1000;
    unit++;
  }
  snprintf(out, kStatusFormatSize,
           unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value,
           kUnits[unit]);
  return out;
}

const char *status_format_ms(char out[kStatusFormatSize], double ms) {
  if (ms < 999.5) {
    snprintf(out, kStatusFormatSize, ms < 9.95 ? "%.1f ms" : "%.0f ms", ms);
  } else if (ms < 99950) {
    snprintf(out, kStatusFormatSize, "%.1f s", ms / 1000);
  } else {
    status_format_age(out, (uint64_t)(ms / 1000));
  }
  return out;
}

const char *status_format_age(char out[kStatusFormatSize], uint64_t seconds) {
  unsigned long long minutes = seconds / 60;
  unsigned long long hours = minutes / 60;
  if (seconds < 60) {
    snprintf(out, kStatusFormatSize, "%u s", (unsigned)seconds);
  } else if (hours == 0) {
    snprintf(out, kStatusFormatSize, "%llu min", minutes);
  } else if (hours < 24) {
    snprintf(out, kStatusFormatSize, "%llu h %llu min", hours, minutes % 60);
  } else {
    snprintf(out, kStatusFormatSize, "%llu d %llu h", hours / 24, hours % 24);
  }
  return out;
}
