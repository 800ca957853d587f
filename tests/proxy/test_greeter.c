// Browsers are BoringSSL's clients in memory.

#include "proxy/greeter.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "keys/ca.h"
#include "support/leaks.h"
#include "support/scratch.h"

TestSuite(greeter, .timeout = 30);

struct bed {
  struct scratch *scratch;
  struct ca *ca;
  struct leaf_cache *leaves;
  struct greeter *greeter;
  SSL_CTX *browser_ctx;
  SSL_SESSION *session;  // the browser's latest
  // What the last visit came to.
  bool is_afar;  // the browser is on another machine
  bool resumed;
  char alpn[16];
  uint16_t group;    // of the key agreement
  bool asked_again;  // by a HelloRetryRequest
};

static int on_new_session(SSL *ssl, SSL_SESSION *session) {
  struct bed *b = SSL_get_app_data(ssl);
  SSL_SESSION_free(b->session);
  b->session = session;
  return 1;
}

static void bed_init(struct bed *b, size_t max_leaves) {
  struct key_error error;
  *b = (struct bed){.scratch = scratch_new()};
  b->ca = ca_open(scratch_path(b->scratch, "state"), &error);
  cr_assert_not_null(b->ca, "%s", error.text);
  b->leaves = leaf_cache_new(b->ca, max_leaves);
  b->greeter = greeter_new(b->leaves);
  b->browser_ctx = SSL_CTX_new(TLS_method());
  SSL_CTX_set_session_cache_mode(
      b->browser_ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(b->browser_ctx, on_new_session);
  SSL_CTX_set_early_data_enabled(b->browser_ctx, 1);
}

static void bed_cleanup(struct bed *b) {
  SSL_SESSION_free(b->session);
  SSL_CTX_free(b->browser_ctx);
  greeter_free(b->greeter);
  leaf_cache_free(b->leaves);
  ca_free(b->ca);
  scratch_free(b->scratch);
  cr_assert(leaks_none());
}

static SSL *browser_for(struct bed *b, const char *host) {
  SSL *browser = SSL_new(b->browser_ctx);
  SSL_set_app_data(browser, b);
  cr_assert(SSL_set_tlsext_host_name(browser, host));
  cr_assert_eq(
      SSL_set_alpn_protos(browser, (const uint8_t *)"\x02h2\x08http/1.1", 12),
      0);
  if (b->session != NULL) {
    SSL_set_session(browser, b->session);
  }
  SSL_set_connect_state(browser);
  return browser;
}

// visit makes a session for `host`, in which the site has chosen `alpn`, and
// offers the latest ticket, whatever host that is from.
static void visit(struct bed *b, const char *host, const char *alpn) {
  struct greeting greeting;
  SSL *browser = browser_for(b, host);
  SSL *ours = greeter_ssl_new(b->greeter, &greeting, !b->is_afar);
  BIO *left, *right;
  cr_assert(BIO_new_bio_pair(&left, 1 << 16, &right, 1 << 16));
  SSL_set_bio(browser, left, left);
  SSL_set_bio(ours, right, right);
  SSL_set_accept_state(ours);
  SSL_do_handshake(browser);
  cr_assert_eq(SSL_get_error(ours, SSL_do_handshake(ours)),
               SSL_ERROR_PENDING_CERTIFICATE);
  cr_assert_str_eq(greeting.server_name, host);
  cr_assert(greeter_prepare(b->greeter, ours, host));
  greeter_choose(&greeting, (const uint8_t *)alpn, strlen(alpn));
  for (int i = 0; i < 3; i++) {
    SSL_do_handshake(ours);
    SSL_do_handshake(browser);
  }
  cr_assert(SSL_is_init_finished(ours) && SSL_is_init_finished(browser));
  const uint8_t *chosen;
  unsigned chosen_len;
  char octet;
  cr_assert_eq(SSL_write(ours, "x", 1), 1);
  cr_assert_eq(SSL_read(browser, &octet, 1), 1);
  SSL_get0_alpn_selected(browser, &chosen, &chosen_len);
  snprintf(b->alpn, sizeof b->alpn, "%.*s", (int)chosen_len, chosen);
  b->resumed = SSL_session_reused(browser) == 1;
  b->group = SSL_get_curve_id(browser);
  b->asked_again = SSL_used_hello_retry_request(browser) == 1;
  cr_assert_eq(b->resumed, SSL_session_reused(ours) == 1);
  cr_assert_not(SSL_early_data_accepted(browser));
  SSL_free(browser);
  SSL_free(ours);
}

Test(greeter, lets_a_browser_resume) {
  static const uint16_t kVersions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
  for (size_t i = 0; i < 2; i++) {
    struct bed b;
    bed_init(&b, 4);
    SSL_CTX_set_max_proto_version(b.browser_ctx, kVersions[i]);
    visit(&b, "a.test", "h2");
    cr_assert_not(b.resumed);
    visit(&b, "a.test", "h2");
    cr_assert(b.resumed, "%zu", i);
    visit(&b, "a.test", "h2");
    cr_assert(b.resumed, "%zu: with the ticket of a resumed session", i);
    bed_cleanup(&b);
  }
}

Test(greeter, chooses_the_protocol_anew) {
  struct bed b;
  bed_init(&b, 4);
  visit(&b, "a.test", "h2");
  cr_assert_str_eq(b.alpn, "h2");
  visit(&b, "a.test", "http/1.1");
  cr_assert(b.resumed);
  cr_assert_str_eq(b.alpn, "http/1.1");
  bed_cleanup(&b);
}

Test(greeter, resumes_no_session_of_another_host) {
  static const uint16_t kVersions[] = {TLS1_3_VERSION, TLS1_2_VERSION};
  for (size_t i = 0; i < 2; i++) {
    struct bed b;
    bed_init(&b, 4);
    SSL_CTX_set_max_proto_version(b.browser_ctx, kVersions[i]);
    visit(&b, "a.test", "h2");
    visit(&b, "b.test", "h2");
    cr_assert_not(b.resumed, "%zu", i);
    bed_cleanup(&b);
  }
}

Test(greeter, resumes_no_session_with_a_leaf_that_is_gone) {
  struct bed b;
  bed_init(&b, 1);
  visit(&b, "a.test", "h2");
  SSL *other = SSL_new(b.browser_ctx);
  cr_assert(leaf_cache_use(b.leaves, other, "b.test"));
  SSL_free(other);
  visit(&b, "a.test", "h2");
  cr_assert_not(b.resumed);
  bed_cleanup(&b);
}

Test(greeter, knows_no_ticket_of_another_process) {
  struct bed b;
  bed_init(&b, 4);
  visit(&b, "a.test", "h2");
  greeter_free(b.greeter);  // and with it the key of its tickets
  b.greeter = greeter_new(b.leaves);
  visit(&b, "a.test", "h2");
  cr_assert_not(b.resumed);
  bed_cleanup(&b);
}

// A browser has a share of the first group, and of X25519 where that one is
// ML-KEM. Debian's BoringSSL has no ML-KEM.

enum { kGroupP256 = 23, kGroupX25519 = 29, kGroupX25519MlKem768 = 0x11ec };

Test(greeter, agrees_by_x25519_with_who_has_a_share_of_it) {
  static const char *const kGroups[] = {"X25519MLKEM768:X25519:P-256",
                                        "X25519:X25519MLKEM768", "X25519"};
  for (size_t i = 0; i < 3; i++) {
    struct bed b;
    bed_init(&b, 4);
    if (SSL_CTX_set1_curves_list(b.browser_ctx, kGroups[i])) {
      for (int again = 0; again < 2; again++) {
        visit(&b, "a.test", "h2");
        cr_assert_eq(b.group, kGroupX25519, "%s: %u", kGroups[i], b.group);
        cr_assert_not(b.asked_again);
        cr_assert_eq(b.resumed, again == 1);
      }
    }
    bed_cleanup(&b);
  }
}

// Whoever is on the way to another machine may record the connection.
Test(greeter, goes_by_the_browsers_preference_where_others_listen) {
  static const struct {
    const char *groups;
    uint16_t expected;
  } kCases[] = {{"X25519MLKEM768:X25519:P-256", kGroupX25519MlKem768},
                {"X25519:X25519MLKEM768", kGroupX25519},
                {"P-256:X25519", kGroupP256}};
  for (size_t i = 0; i < 3; i++) {
    struct bed b;
    bed_init(&b, 4);
    b.is_afar = true;
    if (SSL_CTX_set1_curves_list(b.browser_ctx, kCases[i].groups)) {
      visit(&b, "a.test", "h2");
      cr_assert_eq(b.group, kCases[i].expected, "%zu: %u", i, b.group);
    }
    bed_cleanup(&b);
  }
}

Test(greeter, asks_no_browser_for_another_share) {
  static const struct {
    const char *groups;
    uint16_t expected;
  } kCases[] = {{"P-256:X25519", kGroupP256},
                {"X25519MLKEM768:P-256", kGroupX25519MlKem768}};
  for (size_t i = 0; i < 2; i++) {
    struct bed b;
    bed_init(&b, 4);
    if (SSL_CTX_set1_curves_list(b.browser_ctx, kCases[i].groups)) {
      visit(&b, "a.test", "h2");
      cr_assert_eq(b.group, kCases[i].expected, "%zu: %u", i, b.group);
      cr_assert_not(b.asked_again);
    }
    bed_cleanup(&b);
  }
}
