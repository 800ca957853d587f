// setup_page tells a person how to set the proxy up, step by step, for each
// kind of program (docs/STATUS.md). It works without scripts.

#ifndef ECHPROXY_PROXY_SETUP_PAGE_H
#define ECHPROXY_PROXY_SETUP_PAGE_H

#include "net/worker.h"
#include "proxy/proxy.h"

struct setup_page {
  const char *address;      // "HOST:PORT", as the reader reaches the proxy
  const char *fingerprint;  // of the CA's certificate
  const char *ca_path;      // of its file, here; NULL: not to be told
  enum proxy_mode mode;
};

// setup_page_write appends the page. Its style is allowed by `nonce`.
void setup_page_write(struct bytes *out, const struct setup_page *page,
                      const char *nonce);

#endif
