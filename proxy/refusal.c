#include "proxy/refusal.h"

#include <stdio.h>

// What a person can do, by what went wrong.
static const char *advice_for(enum origin_status status,
                              const struct tls_error *error) {
  if (error->via_upstream && upstream_error_is_final(error->uv_err)) {
    return "See to it that your upstream proxy runs and that upstream-proxy in "
           "echproxy's configuration fits it. Nothing is sent around it.";
  }
  switch (status) {
    case ORIGIN_NO_ADDRESS:
    case ORIGIN_UNREACHABLE:
      return "Try again later. If other sites work, the site's server is down "
             "or your network does not let you reach it.";
    case ORIGIN_TIMEOUT:
      return "Try again. If it keeps happening only on this network, the "
             "network probably drops encrypted hellos with this public name; "
             "another network or a VPN gets around that.";
    case ORIGIN_BAD_CERTIFICATE:
      return "Do not enter anything on this site for now. Somebody may be "
             "posing as it, or its operator has let a certificate go bad. If "
             "the site is your own and uses a private certificate authority, "
             "start echproxy with --upstream-ca FILE.";
    case ORIGIN_BAD_PUBLIC_NAME:
      return "Something between you and the site answered in its place, or "
             "the site's ECH setup is broken. Try another network; if it is "
             "the same there, tell the site's operator.";
    case ORIGIN_ECH_DISABLED:
      return "Strict mode reaches sites with ECH only. To visit the site with "
             "its name in the clear, start echproxy with --mode prefer.";
    case ORIGIN_ECH_REJECTED:
      return "Try again in some minutes: the site's ECH keys and what it "
             "publishes in DNS do not fit together. If it stays so, tell the "
             "site's operator.";
    case ORIGIN_NO_COMPATIBLE_ENDPOINT:
      return "Try a browser that speaks HTTP/2. What the site publishes in DNS "
             "does not allow what this program speaks, so if every browser "
             "ends here, tell the site's operator.";
    case ORIGIN_CERTIFICATE_REFUSED:
      return "Look at client-cert and client-key in the [site] section of "
             "echproxy's configuration file: the certificate may have expired, "
             "or be meant for another site.";
    case ORIGIN_CERTIFICATE_REQUIRED:  // has a page of its own
    case ORIGIN_TLS_FAILED:
    case ORIGIN_OK:
      break;
  }
  return "Try again. If it stays so, the site's server or something on the way "
         "to it breaks TLS 1.3 with Encrypted ClientHello.";
}

static void write_cause(struct refusal *out, enum origin_status status,
                        const struct origin_report *report) {
  char detail[kOriginDetailSize];
  origin_report_detail(detail, status, report);
  snprintf(out->cause, sizeof out->cause, "%s%s%s", origin_status_str(status),
           detail[0] != '\0' ? ": " : "", detail);
}

static void write_protection(struct refusal *out,
                             const struct origin_report *report) {
  if (report->hello_len == 0) {
    snprintf(out->protection, sizeof out->protection,
             "Nothing was sent to the site, so nobody saw its name.");
    return;
  }
  snprintf(out->protection, sizeof out->protection,
           "The site's name was sent encrypted only. Someone watching the "
           "network saw a connection to %s, which many sites may share.",
           report->public_name);
}

// For a site that wants a client certificate, for which no rule has one.
static void ask_for_certificate(struct refusal *out, const char *host) {
  snprintf(out->cause, sizeof out->cause,
           "the site asks for a client certificate, and no rule of echproxy's "
           "configuration has one for it");
  snprintf(out->lines, sizeof out->lines,
           "[site \"%s\"]\nclient-cert = FILE\nclient-key = FILE\n", host);
  out->page = (struct page){
      .status = 502,
      .phrase = "Bad Gateway",
      .title = "This site wants your certificate",
      .host = host,
      .cause = out->cause,
      .protection = out->protection,
      .advice =
          "The certificates in your browser cannot be used here: echproxy "
          "makes the connection to the site, so that its name stays hidden. "
          "Export yours with its key as PEM files that only you can read, add "
          "these lines to echproxy's configuration file with the files' paths, "
          "and start echproxy again. With the one line mode = pass instead, "
          "the browser makes the connection with its own certificate, and the "
          "network sees the site's name.",
      .lines = out->lines,
  };
}

void refusal_for_origin(struct refusal *out, const char *host,
                        enum origin_status status,
                        const struct origin_report *report) {
  write_protection(out, report);
  if (status == ORIGIN_CERTIFICATE_REQUIRED) {
    ask_for_certificate(out, host);
    return;
  }
  write_cause(out, status, report);
  out->page = (struct page){
      .status = 502,
      .phrase = "Bad Gateway",
      .title = "This site could not be reached privately",
      .host = host,
      .cause = out->cause,
      .protection = out->protection,
      .advice = advice_for(status, &report->error),
  };
}
