// greeter is the browser's side of an intercepted tunnel: a TLS server that
// reads the ClientHello, waits until the site is reached, and then finishes the
// handshake with a leaf for the host and the protocol that the site chose. A
// browser that has been here before resumes its session (RFC 8446, section
// 2.2), for the same leaf only; the protocol is chosen anew. With a browser on
// this machine keys are agreed on by X25519 where it has made a share of that:
// over loopback nobody records what ML-KEM would keep from him. With others
// the browser's preference counts, which is ML-KEM for those that have it.

#ifndef ECHPROXY_PROXY_GREETER_H
#define ECHPROXY_PROXY_GREETER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/leaf.h"

enum { kGreetingAlpnSize = 256 };  // a longer list is cut at a protocol's end

// What the browser's ClientHello said, and what it is to be answered. It may go
// when the handshake is over.
struct greeting {
  char server_name[256];  // lower case, no final dot; "" without SNI
  bool odd_server_name;   // there is SNI, but not of one host name
  uint8_t alpn[kGreetingAlpnSize];
  size_t alpn_len;
  uint8_t chosen_alpn[256];  // set by greeter_choose
  size_t chosen_alpn_len;
  bool may_answer;
  bool over_loopback;  // the browser's connection never leaves this machine
};

struct greeter;

// greeter_new makes the server's side for all browsers, with leaves from
// `leaves`, which it borrows while it lives. Released with greeter_free, after
// all sessions. NULL when BoringSSL cannot be set up.
struct greeter *greeter_new(struct leaf_cache *leaves);
void greeter_free(struct greeter *greeter);

// greeter_ssl_new returns a server's SSL whose handshake pauses at the
// ClientHello (TLS_PAUSED) with `greeting` filled, which is borrowed until the
// handshake is over. `over_loopback` says that the browser's connection never
// leaves this machine.
SSL *greeter_ssl_new(struct greeter *greeter, struct greeting *greeting,
                     bool over_loopback);

// greeter_prepare gives the paused `ssl` a leaf for `host`. LEAF_NONE when none
// could be minted.
enum leaf_use greeter_prepare(struct greeter *greeter, SSL *ssl,
                              const char *host);

// greeter_choose lets the session of `greeting` go on, when it has a leaf, with
// the protocol `alpn` of at most 255 octets, which is not sent when `alpn_len`
// is 0.
void greeter_choose(struct greeting *greeting, const uint8_t *alpn,
                    size_t alpn_len);

#endif
