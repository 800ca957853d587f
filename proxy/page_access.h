// page_access decides who gets what of the proxy's own pages (docs/STATUS.md).
// What the proxy has done is for programs of this user on this machine that
// have the token; how to set it up is for everybody; and a web page in the
// user's browser gets nothing from which it could tell that we are here. It is
// a pure function.

#ifndef ECHPROXY_PROXY_PAGE_ACCESS_H
#define ECHPROXY_PROXY_PAGE_ACCESS_H

#include <stdbool.h>

#include "net/address.h"
#include "proxy/http_head.h"

#define PAGE_ACCESSES(X)                                                     \
  /* name, HTTP status, what is told */                                      \
  X(PAGE_ACCESS_DATA, 200, "the token is right")                             \
  X(PAGE_ACCESS_PUBLIC, 200, "what is for everybody may be seen")            \
  /* the connection is closed without an answer */                           \
  X(PAGE_ACCESS_SILENT, 0, "it comes from another site")                     \
  /* DNS rebinding: so the answer does not tell what answers */              \
  X(PAGE_ACCESS_WRONG_HOST, 421,                                             \
    "ask by the IP address that you connect to, or by localhost")            \
  X(PAGE_ACCESS_CROSS_SITE, 403,                                             \
    "a request from another site changes "                                   \
    "nothing here")                                                          \
  X(PAGE_ACCESS_NOT_HERE, 403,                                               \
    "what the proxy has done is told to programs on its own machine only")   \
  X(PAGE_ACCESS_WRONG_TOKEN, 401,                                            \
    "this is not the token of the proxy that runs; `echproxy status --url` " \
    "prints the page's address with the right one")

enum page_access {
#define X(name, status, text) name,
  PAGE_ACCESSES(X)
#undef X
};

// page_access_status is the HTTP status to answer with, and page_access_str one
// plain line.
int page_access_status(enum page_access access);
const char *page_access_str(enum page_access access);

// How a request has come to us.
enum page_way {
  PAGE_DIRECT,     // in origin form, on our own port
  PAGE_PROXIED,    // as a proxy's, in absolute form
  PAGE_TUNNEL,     // in a tunnel to kOwnHost
  PAGE_TLS_TUNNEL  // the same, over TLS with a leaf of the local CA
};

// The name under which whoever uses the proxy reaches its pages.
extern const char kOwnHost[];

// Who asks. `peer` and `local` are the ends of the TCP connection.
struct page_visitor {
  enum page_way way;
  struct address peer;
  struct address local;
};

// page_access_for decides on the request `head` by its Host, Origin, Sec-Fetch-
// and Authorization fields. `token` is compared in constant time.
enum page_access page_access_for(const struct page_visitor *visitor,
                                 const struct http_head *head,
                                 const char *token);

// page_access_is_from_here says whether a program on this machine asks. One on
// another that comes through something on this one cannot be told from it.
bool page_access_is_from_here(const struct page_visitor *visitor);

// page_access_host_is_ours says whether the Host field is one that we answer
// for to such a visitor.
bool page_access_host_is_ours(const struct page_visitor *visitor,
                              const struct http_head *head);

#endif
