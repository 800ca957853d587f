#include "proxy/refusal.h"

#include <assert.h>
#include <stdio.h>

struct words {
  const char *title;
  const char *cause;   // instead of what origin_report says, or NULL
  const char *advice;  // what a person can do
  const char *rule;    // lines of a site's rule to do that with, or NULL
};

// By what went wrong: a row for every outcome but ORIGIN_OK.
static const struct words kWords[] = {
    [ORIGIN_NO_ADDRESS] =
        {
            .title = "This site has no address",
            .advice = "Try again later. The site's name exists, but what its "
                      "operator publishes in DNS leads to no server.",
        },
    [ORIGIN_UNREACHABLE] =
        {
            .title = "This site's server cannot be reached",
            .advice = "Try again later. If other sites work, the site's server "
                      "is down or your network does not let you reach it.",
        },
    [ORIGIN_TIMEOUT] =
        {
            .title = "This site's server does not answer",
            .advice = "Try again. If it keeps happening only on this network, "
                      "the network probably drops encrypted hellos with this "
                      "public name; another network or a VPN gets around that.",
        },
    [ORIGIN_TLS_FAILED] =
        {
            .title = "No private connection to this site could be made",
            .advice =
                "Try again. If it stays so, the site's server or something on "
                "the way to it breaks TLS 1.3 with Encrypted ClientHello.",
        },
    [ORIGIN_BAD_CERTIFICATE] =
        {
            .title = "This site's certificate could not be verified",
            .advice =
                "Do not enter anything on this site for now. Somebody may be "
                "posing as it, or its operator has let a certificate go bad. "
                "If the site is your own and uses a private certificate "
                "authority, start echproxy with `--upstream-ca FILE`.",
        },
    [ORIGIN_BAD_PUBLIC_NAME] =
        {
            .title = "Something else may have answered for this site",
            .advice =
                "Try another network: something between you and the site may "
                "have answered in its place. If it is the same there, the "
                "site's ECH setup is broken; tell the site's operator.",
        },
    [ORIGIN_ECH_DISABLED] =
        {
            .title = "This site has stopped hiding its name",
            .advice = "Strict mode reaches sites with ECH only. To visit this "
                      "one with its name in the clear, add these lines to "
                      "echproxy's configuration file and start echproxy again; "
                      "for all such sites, start it with `--mode prefer`.",
            .rule = "mode = prefer\n",
        },
    [ORIGIN_ECH_REJECTED] =
        {
            .title = "This site's ECH setup does not work",
            .advice = "Try again in some minutes: the site's ECH keys and what "
                      "it publishes in DNS do not fit together. If it stays "
                      "so, tell the site's operator.",
        },
    [ORIGIN_NO_COMPATIBLE_ENDPOINT] =
        {
            .title = "This site does not speak what your browser speaks",
            .advice = "Try a browser that speaks HTTP/2. If every browser ends "
                      "here, what the site publishes in DNS does not fit its "
                      "server; tell the site's operator.",
        },
    [ORIGIN_CERTIFICATE_REQUIRED] =
        {
            .cause = "the site asks for a client certificate, and no rule of "
                     "echproxy's configuration has one for it",
            .title = "This site wants your certificate",
            .advice =
                "The certificates in your browser cannot be used here: "
                "echproxy makes the connection to the site, so that its name "
                "stays hidden. Export yours with its key as PEM files that "
                "only you can read, add these lines to echproxy's "
                "configuration file with the files' paths, and start echproxy "
                "again. With the one line `mode = pass` instead, the browser "
                "makes the connection with its own certificate, and the "
                "network sees the site's name.",
            .rule = "client-cert = FILE\nclient-key = FILE\n",
        },
    [ORIGIN_CERTIFICATE_REFUSED] =
        {
            .title = "This site refused your certificate",
            .advice =
                "Look at `client-cert` and `client-key` of this site's section "
                "in echproxy's configuration file: the certificate may have "
                "expired, or be meant for another site.",
        },
};

static const struct words kUpstreamWords = {
    .title = "Your upstream proxy did not connect to this site",
    .advice =
        "See to it that your upstream proxy runs and that `upstream-proxy` in "
        "echproxy's configuration fits it. Nothing is sent around it.",
};

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
  char detail[kOriginDetailSize];
  origin_report_detail(detail, status, report);
  snprintf(out->cause, sizeof out->cause, "%s%s%s", origin_status_str(status),
           detail[0] != '\0' ? ": " : "", detail);
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

static void write_page(struct refusal *out, const char *host,
                       const struct words *words) {
  if (words->rule != NULL) {
    snprintf(out->lines, sizeof out->lines, "[site \"%s\"]\n%s", host,
             words->rule);
  }
  out->page = (struct page){
      .status = 502,
      .phrase = "Bad Gateway",
      .title = words->title,
      .host = host,
      .cause = out->cause,
      .protection = out->protection,
      .advice = words->advice,
      .lines = words->rule != NULL ? out->lines : NULL,
  };
}

void refusal_for_origin(struct refusal *out, const char *host,
                        enum origin_status status,
                        const struct origin_report *report) {
  const struct words *words = words_for(status, &report->error);
  if (words->cause != NULL) {
    snprintf(out->cause, sizeof out->cause, "%s", words->cause);
  } else {
    write_cause(out, status, report);
  }
  write_protection(out, report);
  write_page(out, host, words);
}
