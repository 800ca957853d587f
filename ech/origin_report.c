#include "ech/origin_report.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "net/upstream.h"

const char *origin_status_str(enum origin_status status) {
  switch (status) {
#define X(name, text) \
  case name:          \
    return text;
    ORIGIN_STATUSES(X)
#undef X
  }
  return "unknown";
}

// Some networks drop or cut every connection whose hello carries ECH with a
// public name that they know.
static bool may_be_blocked(const struct origin_report *report) {
  return report->public_name[0] != '\0' && report->hello_len > 0 &&
         !report->answered && report->error.uv_err != 0;
}

static void silence_text(char *out, size_t out_size,
                         const struct origin_report *report) {
  if (may_be_blocked(report)) {
    snprintf(out, out_size,
             "nothing came back; the network may drop hellos with ECH for %s",
             report->public_name);
  } else if (report->answered) {
    snprintf(out, out_size, "it began to answer and then fell silent");
  } else {
    snprintf(out, out_size, "nothing came back");
  }
}

const char *origin_report_detail(char out[kOriginDetailSize],
                                 enum origin_status status,
                                 const struct origin_report *report) {
  static const struct tls_error kNone;
  out[0] = '\0';
  if (status == ORIGIN_TIMEOUT) {
    silence_text(out, kOriginDetailSize, report);
  } else if (status == ORIGIN_UNREACHABLE && report->error.uv_err != 0) {
    int err = report->error.uv_err;
    snprintf(out, kOriginDetailSize, "%s",
             report->error.via_upstream ? upstream_error_text(err)
                                        : uv_strerror(err));
  } else if (memcmp(&report->error, &kNone, sizeof kNone) != 0) {
    tls_error_text(out, kOriginDetailSize, &report->error);
    if (may_be_blocked(report)) {
      size_t len = strlen(out);
      snprintf(out + len, kOriginDetailSize - len,
               "; the network may block hellos with ECH for %s",
               report->public_name);
    }
  }
  return out;
}
