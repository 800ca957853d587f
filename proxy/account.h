// account is what is noted of one connection while it lives: its visit in the
// journal (status/journal.h), what it adds to the tally (status/tally.h), and
// at its end its line in the log. Tunnels (tunnel.h) and forwarded requests
// (forward.h) tell it what happens to them, and keep none of it themselves.

#ifndef ECHPROXY_PROXY_ACCOUNT_H
#define ECHPROXY_PROXY_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ech/lookup_answer.h"
#include "ech/origin_report.h"
#include "keys/leaf.h"
#include "net/tls.h"
#include "proxy/proxy.h"
#include "status/journal.h"
#include "status/tally.h"

struct clear_hello;

// Embedded in the connection that it is for.
struct account {
  struct proxy *proxy;
  struct visit *visit;
  uint64_t asked_at;  // uv_hrtime when a lookup began
  uint64_t hello_at;  // the same for the browser's ClientHello
  bool is_cached;     // the lookup
  bool is_decided;    // what becomes of it
  bool has_cause;
  struct clear_hello *hello;  // that is being read, or NULL
};

// account_open begins the account of a connection to `host` at `port`. It ends
// with account_close, which writes the log's line.
void account_open(struct account *account, struct proxy *proxy,
                  const char *host, uint16_t port);
void account_close(struct account *account);

// account_step notes the step that was reached, a static text.
void account_step(struct account *account, const char *step);

// account_set_host notes that the connection is for another host.
void account_set_host(struct account *account, const char *host);

// account_asked notes that a lookup began, and whether its answer was cached.
// account_looked_up notes what it came to.
void account_asked(struct account *account, bool is_cached);
void account_looked_up(struct account *account,
                       const struct lookup_answer *answer);

// account_because notes a cause; account_because_first does when there is none
// yet. `cause` is one line that names no host.
void account_because(struct account *account, const char *cause);
void account_because_first(struct account *account, const char *cause);

// account_broke notes, when there is no other cause, the error that ended a
// connection whose verdict it does not change.
void account_broke(struct account *account, const char *error);

// account_decide notes what becomes of the connection, when that is known: once
// it is, later words do not change it.
void account_decide(struct account *account, enum visit_verdict verdict);

// account_refuse notes that it is refused, with the kind of reason and the
// cause. Nothing when something else was decided.
void account_refuse(struct account *account, enum tally_refusal why,
                    const char *cause);

// account_refuse_origin notes that it is refused since its site was not
// reached with ECH.
void account_refuse_origin(struct account *account, enum origin_status status,
                           const char *cause);

// account_greets notes that the browser's ClientHello is here.
void account_greets(struct account *account);

// account_dialed notes what reaching the site with ECH came to. `tls` is the
// session, or NULL.
void account_dialed(struct account *account, struct tls *tls,
                    const struct origin_report *report);

// account_connected notes that the site is connected to, at `address`, for the
// browser's own bytes, which name it in the clear as `name`; NULL: not in a way
// that is known yet (account_peek).
void account_connected(struct account *account, const struct address *address,
                       const char *name);

// account_peek reads the next octets of the browser's own, which an observer
// sees too, and notes the ClientHello that they begin with. It returns whether
// it wants to see more.
bool account_peek(struct account *account, const uint8_t *data, size_t len);

// account_leaf notes that a certificate was got for the browser.
void account_leaf(struct account *account, enum leaf_use use);

// account_rejects_leaf says whether a browser's handshake with us ended with
// `error` because of our certificate.
bool account_rejects_leaf(const struct tls_error *error);

// account_greeted notes that the browser's handshake with us for `host` is
// done. account_not_greeted notes that it failed, which refuses the connection.
void account_greeted(struct account *account, const SSL *ssl, const char *host);
void account_not_greeted(struct account *account, const struct tls_error *error,
                         const char *host);

// account_moved counts octets that were relayed.
void account_moved(struct account *account, uint64_t up, uint64_t down);

// account_refusal_of_lookup returns the kind of reason for which an answer of
// `status` leads to a refusal.
enum tally_refusal account_refusal_of_lookup(enum lookup_status status);

#endif
