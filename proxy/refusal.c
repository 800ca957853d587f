#include "proxy/refusal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct words {
  const char *title;
  const char *advice;  // what a person can do
};

// By what went wrong: a row for every outcome but ORIGIN_OK.
static const struct words kWords[] = {
    [ORIGIN_NO_ADDRESS] =
        {"This site has no address",
         "Try again later. The site's name exists, but what its operator "
         "publishes in DNS leads to no server."},
    [ORIGIN_UNREACHABLE] =
        {"This site's server cannot be reached",
         "Try again later. If other sites work, the site's server is down or "
         "your network does not let you reach it."},
    [ORIGIN_TIMEOUT] =
        {"This site's server does not answer",
         "Try again. If it keeps happening only on this network, the network "
         "probably drops encrypted hellos with this public name; another "
         "network or a VPN gets around that."},
    [ORIGIN_TLS_FAILED] =
        {"No private connection to this site could be made",
         "Try again. If it stays so, the site's server or something on the way "
         "to it breaks TLS 1.3 with Encrypted ClientHello."},
    [ORIGIN_BAD_CERTIFICATE] =
        {"This site's certificate could not be verified",
         "Do not enter anything on this site for now. Somebody may be posing "
         "as it, or its operator has let a certificate go bad. If the site is "
         "your own and uses a private certificate authority, start echproxy "
         "with `--upstream-ca FILE`."},
    [ORIGIN_BAD_PUBLIC_NAME] =
        {"Something else may have answered for this site",
         "Try another network: something between you and the site may have "
         "answered in its place. If it is the same there, the site's ECH setup "
         "is broken; tell the site's operator."},
    [ORIGIN_ECH_DISABLED] =
        {"This site has stopped hiding its name",
         "Strict mode reaches sites with ECH only. To visit the site with its "
         "name in the clear, start echproxy with `--mode prefer`."},
    [ORIGIN_ECH_REJECTED] =
        {"This site's ECH setup does not work",
         "Try again in some minutes: the site's ECH keys and what it publishes "
         "in DNS do not fit together. If it stays so, tell the site's "
         "operator."},
};

static const struct words kUpstreamWords = {
    "Your upstream proxy did not connect to this site",
    "See to it that your upstream proxy runs and that `upstream-proxy` in "
    "echproxy's configuration fits it. Nothing is sent around it."};

static const struct words *words_for(enum origin_status status,
                                     const struct tls_error *error) {
  if (error->via_upstream && upstream_error_is_final(error->uv_err)) {
    return &kUpstreamWords;
  }
  assert((size_t)status < sizeof kWords / sizeof kWords[0] &&
         kWords[status].title != NULL);
  return &kWords[status];
}

static void write_cause(struct refusal *out, enum origin_status status,
                        const struct origin_report *report) {
  char error[256];
  const struct tls_error none = {0};
  const char *summary = origin_status_str(status);
  if (memcmp(&report->error, &none, sizeof none) == 0) {
    snprintf(out->cause, sizeof out->cause, "%s", summary);
    return;
  }
  tls_error_text(error, sizeof error, &report->error);
  snprintf(out->cause, sizeof out->cause, "%s: %s", summary, error);
}

static void write_protection(struct refusal *out,
                             const struct origin_report *report) {
  if (report->hello_len == 0) {
    snprintf(out->protection, sizeof out->protection,
             "The site's name was not sent at all, and nothing of your request "
             "has left this device.");
    return;
  }
  snprintf(out->protection, sizeof out->protection,
           "The site's name was sent encrypted only, and nothing of your "
           "request has left this device. Someone watching the network saw a "
           "connection to %s, a name that many sites may share.",
           report->public_name);
}

void refusal_for_origin(struct refusal *out, const char *host,
                        enum origin_status status,
                        const struct origin_report *report) {
  write_cause(out, status, report);
  write_protection(out, report);
  const struct words *words = words_for(status, &report->error);
  out->page = (struct page){
      .status = 502,
      .phrase = "Bad Gateway",
      .title = words->title,
      .host = host,
      .cause = out->cause,
      .protection = out->protection,
      .advice = words->advice,
  };
}
