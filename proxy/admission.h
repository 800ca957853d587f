// admission decides who may use the proxy by what they say of themselves: a
// name and a password in a request's Proxy-Authorization (RFC 7617) or in
// SOCKS5 (RFC 1929).

#ifndef ECHPROXY_PROXY_ADMISSION_H
#define ECHPROXY_PROXY_ADMISSION_H

#include <stddef.h>

#include "net/address.h"
#include "net/stream.h"
#include "proxy/guesses.h"
#include "proxy/http_head.h"
#include "proxy/socks5.h"
#include "proxy/user_list.h"

enum admission {
  ADMISSION_GRANTED,
  ADMISSION_MISSING,   // no credentials, or none of a kind that we know
  ADMISSION_WRONG,     // those of nobody: the answer is to come late
  ADMISSION_TOO_MANY,  // not looked at: so many wrong ones came before
};

// Who asks for admission, and whom of.
struct admission_desk {
  const struct user_list *users;
  struct guesses *guesses;
  struct address peer;
};

// admission_by_head decides on a request. With ADMISSION_WRONG, `*out_place`
// is for guesses_end when the answer leaves, kGuessesDelayMs later.
enum admission admission_by_head(const struct admission_desk *desk,
                                 size_t *out_place,
                                 const struct http_head *head);

// admission_by_login decides on what a SOCKS5 client has sent, likewise.
enum admission admission_by_login(const struct admission_desk *desk,
                                  size_t *out_place,
                                  const struct socks5_login *login);

// admission_refuse_http answers 407, which asks for credentials, and takes
// `browser`. admission_refuse_socks5 tells a client that its login failed,
// likewise.
void admission_refuse_http(struct stream *browser, bool head_only);
void admission_refuse_socks5(struct stream *browser);

#endif
