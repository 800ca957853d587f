// cell_rows is the table of cells and faults; cell.h says how to read it.

#ifndef ECHPROXY_TESTS_INTEGRATION_CELL_ROWS_H
#define ECHPROXY_TESTS_INTEGRATION_CELL_ROWS_H

#include "integration/cell.h"

// What DNS says.
#define HTTPS(rest) "_@P._https.@H. 300 IN HTTPS " rest
#define ADDRESS "@H. 300 IN A 127.0.0.1"
#define WITH_ECH \
  { HTTPS("1 @H. alpn=\"h2,http/1.1\" ech=@ECH"), ADDRESS }
#define WITH_CONFIG(config) \
  { HTTPS("1 @H. alpn=\"h2,http/1.1\" ech=@" #config), ADDRESS }
#define WITHOUT_ECH \
  { HTTPS("1 @H. alpn=\"h2,http/1.1\""), ADDRESS }
#define ONLY_ADDRESS \
  { ADDRESS }

// What becomes of it.
#define IS_PRIVATE \
  { .outcome = PRIVATE, .wire = WIRE_PUBLIC }
#define IS_PASSED \
  { .outcome = PASSED, .wire = WIRE_NAME }
#define IS_PASSED_FOR(why) \
  { .outcome = PASSED, .wire = WIRE_BOTH, .cause = why }
#define IS_PAGE(why) \
  { .outcome = PAGE, .wire = WIRE_PUBLIC, .cause = why }
#define IS_PAGE_UNSEEN(why) \
  { .outcome = PAGE, .wire = WIRE_HIDDEN, .cause = why }
#define IS_PAGE_UNSENT(why) \
  { .outcome = PAGE, .wire = WIRE_NOTHING, .cause = why }
#define IS_REFUSED(code, why) \
  { .outcome = REFUSED, .wire = WIRE_NOTHING, .status = code, .cause = why }

#define NO_USABLE_ECH IS_REFUSED(403, "no ECH configuration that can be used")
#define NO_ECH IS_REFUSED(403, "publishes no ECH configuration")
#define SWITCHED_OFF "has switched ECH off"
#define UNPROVED "refused ECH without proving that it may"
#define TWICE "refused ECH twice"
#define TLS_BROKE "TLS handshake with the site failed"
// It depends on when the reset is seen.
#define NOT_CONNECTED "could be made|" TLS_BROKE
#define BAD_CERTIFICATE "certificate could not be verified"

// A server that refuses ECH with these retry configurations.
#define RETRY(config)                                             \
  {                                                               \
    { .deed = SITE_REFUSE_ECH, .has_ech = true, .retry = config } \
  }

// Rows of servers that do one thing to every connection, and are not reached.
#define DEED_ROW(text, the_deed, expected)                                \
  {                                                                       \
    .name = text, .records = WITH_ECH, .server = SCRIPTED,                \
    .steps = {{.deed = the_deed}}, .prefer = expected, .strict = expected \
  }
#define SLOW_ROW(text, the_deed, expected)                             \
  {                                                                    \
    .name = text, .records = WITH_ECH, .server = SCRIPTED,             \
    .steps = {{.deed = the_deed}}, .prefer = expected, .is_slow = true \
  }
#define RETRY_ROW(config, expected)                                    \
  {                                                                    \
    .name = "retry " #config, .records = WITH_ECH, .server = SCRIPTED, \
    .steps = RETRY(config), .prefer = expected, .strict = expected     \
  }
#define CONFIG_ROW(config)                                                    \
  {                                                                           \
    .name = "record " #config, .records = WITH_CONFIG(config), .server = OFF, \
    .prefer = IS_PASSED, .strict = NO_USABLE_ECH                              \
  }
// The same server in both modes.
#define SERVER_ROW(text, the_server, expected)               \
  {                                                          \
    .name = text, .records = WITH_ECH, .server = the_server, \
    .prefer = expected, .strict = expected                   \
  }
#define RESOLVER_ROW(the_fault, why)                                   \
  {                                                                    \
    .name = "resolver " the_fault, .fault = the_fault, .server = SITE, \
    .prefer = IS_REFUSED(502, why), .strict = IS_REFUSED(502, why)     \
  }

static const struct cell_row kRows[] = {
    // A usable configuration, and servers that have its key.
    SERVER_ROW("healthy", SITE, IS_PRIVATE),
    SERVER_ROW("healthy, http/1.1", SITE_H1, IS_PRIVATE),
    SERVER_ROW("hello retry", SITE_P256, IS_PRIVATE),
    {.name = "healthy over SOCKS5",
     .records = WITH_ECH,
     .way = SCENE_SOCKS5,
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "NSS",
     .records = WITH_ECH,
     .server = NSS,
     .body = "GET / HTTP",
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "bssl-tool",
     .records = WITH_ECH,
     .server = BSSL,
     .body = "Encrypted ClientHello: yes",
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},

    // ECH refused by who may (RFC 9849, section 6.1.6).
    SERVER_ROW("stale key", STALE, IS_PRIVATE),
    SERVER_ROW("stale key, hello retry", STALE_P256, IS_PRIVATE),
    {.name = "stale key over SOCKS5",
     .records = WITH_ECH,
     .server = STALE,
     .way = SCENE_SOCKS5,
     .prefer = IS_PRIVATE},
    {.name = "a key that nobody has",
     .records = WITH_CONFIG(CONFIG_GOOD),
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "the first record's configuration is of no use",
     .records = {HTTPS("1 @H. ech=@CONFIG_UNKNOWN_KEM"),
                 HTTPS("2 @H. ech=@ECH"), ADDRESS},
     .prefer = IS_PRIVATE},
    {.name = "ECH off",
     .records = WITH_ECH,
     .server = OFF,
     .prefer = IS_PASSED_FOR(SWITCHED_OFF),
     .strict = IS_PAGE(SWITCHED_OFF)},
    {.name = "ECH off, hello retry",
     .records = WITH_ECH,
     .server = OFF_P256,
     .prefer = IS_PASSED_FOR(SWITCHED_OFF),
     .strict = IS_PAGE(SWITCHED_OFF)},
    {.name = "ECH off over SOCKS5",
     .records = WITH_ECH,
     .server = OFF,
     .way = SCENE_SOCKS5,
     .prefer = IS_PASSED_FOR(SWITCHED_OFF),
     .strict = IS_PAGE(SWITCHED_OFF)},
    {.name = "TLS 1.2 alone",
     .records = WITH_ECH,
     .server = TLS12,
     .prefer = IS_PASSED_FOR(SWITCHED_OFF),
     .strict = IS_PAGE(SWITCHED_OFF)},
    {.name = "retry CONFIG_UNKNOWN_VERSION",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = RETRY(CONFIG_UNKNOWN_VERSION),
     .strict = IS_PAGE(SWITCHED_OFF)},
    {.name = "no retry configurations",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH}},
     .strict = IS_PAGE(SWITCHED_OFF)},

    // ECH refused by who may not: no hello in the clear, no retry.
    SERVER_ROW("refused, wrong public name", STALE_WRONG, IS_PAGE(UNPROVED)),
    SERVER_ROW("refused, unknown root", STALE_UNKNOWN, IS_PAGE(UNPROVED)),
    SERVER_ROW("refused, expired", STALE_EXPIRED, IS_PAGE(UNPROVED)),
    SERVER_ROW("off, wrong public name", OFF_WRONG, IS_PAGE(UNPROVED)),
    SERVER_ROW("off, unknown root", OFF_UNKNOWN, IS_PAGE(UNPROVED)),
    SERVER_ROW("off, expired", OFF_EXPIRED, IS_PAGE(UNPROVED)),
    SERVER_ROW("TLS 1.2, wrong public name", TLS12_WRONG, IS_PAGE(UNPROVED)),
    {.name = "off, forged signature",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .proof = PROOF_FORGED}},
     .prefer = IS_PAGE(TLS_BROKE),
     .strict = IS_PAGE(TLS_BROKE)},
    {.name = "off, tampered Finished",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .proof = PROOF_TAMPERED}},
     .prefer = IS_PAGE(TLS_BROKE),
     .strict = IS_PAGE(TLS_BROKE)},
    {.name = "retry, wrong public name",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH,
                .has_ech = true,
                .retry = CONFIG_GOOD,
                .proof = PROOF_WRONG}},
     .prefer = IS_PAGE(UNPROVED),
     .strict = IS_PAGE(UNPROVED)},
    {.name = "retry, forged signature",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH,
                .has_ech = true,
                .retry = CONFIG_GOOD,
                .proof = PROOF_FORGED}},
     .prefer = IS_PAGE(TLS_BROKE),
     .strict = IS_PAGE(TLS_BROKE)},
    {.name = "retry, tampered Finished",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH,
                .has_ech = true,
                .retry = CONFIG_GOOD,
                .proof = PROOF_TAMPERED}},
     .prefer = IS_PAGE(TLS_BROKE),
     .strict = IS_PAGE(TLS_BROKE)},

    // Refused twice, and what can be wrong with retry configurations.
    RETRY_ROW(CONFIG_GOOD, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_OTHER_NAME, IS_PAGE(UNPROVED)),
    {.name = "refused, then off",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .has_ech = true, .retry = CONFIG_GOOD},
               {.deed = SITE_REFUSE_ECH}},
     .prefer = IS_PAGE(TWICE),
     .strict = IS_PAGE(TWICE)},
    {.name = "refused, then wrong public name",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .has_ech = true, .retry = CONFIG_GOOD},
               {.deed = SITE_REFUSE_ECH, .proof = PROOF_WRONG}},
     .prefer = IS_PAGE(UNPROVED),
     .strict = IS_PAGE(UNPROVED)},
    {.name = "refused, then reset",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .has_ech = true, .retry = CONFIG_GOOD},
               {.deed = SITE_RESET}},
     .prefer = IS_PAGE(TLS_BROKE),
     .strict = IS_PAGE(TLS_BROKE)},
    {.name = "refused, then silence",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_REFUSE_ECH, .has_ech = true, .retry = CONFIG_GOOD},
               {.deed = SITE_SILENT}},
     .is_slow = true,
     .prefer = IS_PAGE("did not answer the TLS handshake")},
    RETRY_ROW(CONFIG_NOTHING, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_EMPTY_LIST, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_LIST_TOO_LONG, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_LIST_TOO_SHORT, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_ENTRY_TOO_LONG, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_ENTRY_TOO_SHORT, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_ENTRY_TRAILING, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_HALF_ENTRY, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_EMPTY_KEY, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_EMPTY_NAME, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_ODD_SUITES, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_NO_SUITES, IS_PAGE(TLS_BROKE)),
    RETRY_ROW(CONFIG_UNKNOWN_SUITE, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_UNKNOWN_KEM, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_SHORT_KEY, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_ADDRESS_NAME, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_BAD_NAME, IS_PAGE(TWICE)),
    RETRY_ROW(CONFIG_MANDATORY, IS_PAGE(TWICE)),

    // The site's own certificate, seen inside accepted ECH only.
    SERVER_ROW("wrong certificate", SITE_WRONG, IS_PAGE(BAD_CERTIFICATE)),
    SERVER_ROW("unknown root", SITE_UNKNOWN, IS_PAGE(BAD_CERTIFICATE)),
    SERVER_ROW("expired certificate", SITE_EXPIRED, IS_PAGE(BAD_CERTIFICATE)),
    {.name = "expired certificate over http/1.1",
     .records = WITH_ECH,
     .server = SITE_EXPIRED,
     .option = "--http1.1",
     .prefer = IS_PAGE(BAD_CERTIFICATE),
     .strict = IS_PAGE(BAD_CERTIFICATE)},
    {.name = "expired certificate over SOCKS5",
     .records = WITH_ECH,
     .server = SITE_EXPIRED,
     .way = SCENE_SOCKS5,
     .prefer = IS_PAGE(BAD_CERTIFICATE)},

    // A network that breaks things.
    SERVER_ROW("nobody listens", NOBODY, IS_PAGE_UNSEEN(NOT_CONNECTED)),
    DEED_ROW("reset at once", SITE_RESET_AT_ONCE,
             IS_PAGE_UNSEEN(NOT_CONNECTED)),
    DEED_ROW("closed at once", SITE_CLOSE_AT_ONCE,
             IS_PAGE_UNSEEN(NOT_CONNECTED)),
    DEED_ROW("reset after the hello", SITE_RESET, IS_PAGE(TLS_BROKE)),
    DEED_ROW("closed after the hello", SITE_CLOSE, IS_PAGE(TLS_BROKE)),
    SLOW_ROW("silence after the hello", SITE_SILENT,
             IS_PAGE("did not answer the TLS handshake")),
    DEED_ROW("junk", SITE_JUNK, IS_PAGE(TLS_BROKE)),
    DEED_ROW("http in the clear", SITE_HTTP, IS_PAGE(TLS_BROKE)),
    DEED_ROW("alert", SITE_ALERT, IS_PAGE(TLS_BROKE)),
    DEED_ROW("unrecognized_name", SITE_UNRECOGNIZED_NAME, IS_PAGE(TLS_BROKE)),
    DEED_ROW("half a record", SITE_HALF_RECORD, IS_PAGE(TLS_BROKE)),
    DEED_ROW("reset in the handshake", SITE_SERVER_HELLO_RESET,
             IS_PAGE(TLS_BROKE)),
    DEED_ROW("closed in the handshake", SITE_SERVER_HELLO_CLOSE,
             IS_PAGE(TLS_BROKE)),
    SLOW_ROW("silence in the handshake", SITE_SERVER_HELLO_SILENT,
             IS_PAGE("did not answer the TLS handshake")),
    {.name = "reset after the hello, over SOCKS5",
     .records = WITH_ECH,
     .server = SCRIPTED,
     .steps = {{.deed = SITE_RESET}},
     .way = SCENE_SOCKS5,
     .prefer = IS_PAGE(TLS_BROKE)},

    // Records without a usable configuration.
    {.name = "HTTPS without ech",
     .records = WITHOUT_ECH,
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = NO_USABLE_ECH},
    {.name = "HTTPS without ech over SOCKS5",
     .records = WITHOUT_ECH,
     .server = OFF,
     .way = SCENE_SOCKS5,
     .prefer = IS_PASSED,
     .strict = NO_USABLE_ECH},
    {.name = "ECH server, but no ech in DNS",
     .records = WITHOUT_ECH,
     .server = SITE,
     .prefer = IS_PASSED},
    CONFIG_ROW(CONFIG_UNKNOWN_VERSION),
    CONFIG_ROW(CONFIG_UNKNOWN_KEM),
    CONFIG_ROW(CONFIG_UNKNOWN_SUITE),
    CONFIG_ROW(CONFIG_MANDATORY),
    CONFIG_ROW(CONFIG_ADDRESS_NAME),
    CONFIG_ROW(CONFIG_LIST_TOO_LONG),
    CONFIG_ROW(CONFIG_ENTRY_TOO_LONG),
    CONFIG_ROW(CONFIG_EMPTY_LIST),
    {.name = "mandatory key that is not known",
     .records = {HTTPS("1 @H. mandatory=key65333 ech=@ECH key65333=x"),
                 ADDRESS},
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = NO_USABLE_ECH},

    // Records that lead elsewhere.
    {.name = "port",
     .port = 443,
     .records = {"@H. 300 IN HTTPS 1 . port=@P ech=@ECH", ADDRESS},
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "hints only",
     .records = {HTTPS("1 @H. ipv4hint=127.0.0.1 ech=@ECH")},
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "no address at all",
     .records = {HTTPS("1 @H. ech=@ECH")},
     .prefer = IS_PAGE_UNSENT("no address"),
     .strict = IS_PAGE_UNSENT("no address")},
    {.name = "another target",
     .records = {HTTPS("1 cdn.@H. ech=@ECH"), "cdn.@H. 300 IN A 127.0.0.1"},
     .prefer = IS_PRIVATE},
    {.name = "alias",
     .records = {HTTPS("0 a.@H."), "a.@H. 300 IN HTTPS 1 . ech=@ECH",
                 "a.@H. 300 IN A 127.0.0.1"},
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "aliases in a row",
     .records = {HTTPS("0 a.@H."), "a.@H. 300 IN HTTPS 0 b.@H.",
                 "b.@H. 300 IN HTTPS 0 c.@H.",
                 "c.@H. 300 IN HTTPS 1 . ech=@ECH", "c.@H. 300 IN A 127.0.0.1"},
     .prefer = IS_PRIVATE},
    {.name = "alias loop",
     .records = {HTTPS("0 a.@H."), "a.@H. 300 IN HTTPS 0 b.@H.",
                 "b.@H. 300 IN HTTPS 0 a.@H.", ADDRESS},
     .prefer = IS_REFUSED(502, "aliases without an end"),
     .strict = IS_REFUSED(502, "aliases without an end")},
    {.name = "alias of a name without records",
     .records = {HTTPS("0 a.@H."), "a.@H. 300 IN A 127.0.0.1", ADDRESS},
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = NO_USABLE_ECH},
    {.name = "ech in the lesser record",
     .records = {HTTPS("1 @H."), HTTPS("2 @H. ech=@ECH"), ADDRESS},
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "first endpoint dead",
     .records = {HTTPS("1 @H. port=1 ech=@ECH"), HTTPS("2 @H. ech=@ECH"),
                 ADDRESS},
     .prefer = IS_PRIVATE},
    {.name = "the endpoint with ech dead, one without alive",
     .records = {HTTPS("1 @H. port=1 ech=@ECH"), HTTPS("2 @H."), ADDRESS},
     .prefer = IS_PAGE_UNSENT("no connection to the site"),
     .strict = IS_PAGE_UNSENT("no connection to the site")},

    // No HTTPS record.
    {.name = "NODATA",
     .records = {"_@P._https.@H. 300 IN TXT x", ADDRESS},
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = NO_ECH},
    {.name = "NODATA over SOCKS5",
     .records = {"_@P._https.@H. 300 IN TXT x", ADDRESS},
     .server = OFF,
     .way = SCENE_SOCKS5,
     .prefer = IS_PASSED,
     .strict = NO_ECH},
    {.name = "no HTTPS record, nobody listens on",
     .records = {"@H. 300 IN A 127.0.0.1"},
     .port = 1,
     .prefer = IS_REFUSED(502, "could not be reached"),
     .strict = NO_ECH},
    {.name = "NXDOMAIN",
     .prefer = IS_REFUSED(502, "does not exist"),
     .strict = IS_REFUSED(502, "does not exist")},
    {.name = "NXDOMAIN over SOCKS5",
     .way = SCENE_SOCKS5,
     .prefer = IS_REFUSED(502, "does not exist")},

    // Nothing is known (RFC 9460, section 3.1).
    {.name = "SERVFAIL",
     .host = "x.broken.test",
     .prefer = IS_REFUSED(502, "SERVFAIL"),
     .strict = IS_REFUSED(502, "SERVFAIL")},
    RESOLVER_ROW("servfail", "SERVFAIL"),
    RESOLVER_ROW("refused", "refused or failed"),
    RESOLVER_ROW("formerr", "refused or failed"),
    RESOLVER_ROW("notimp", "refused or failed"),
    RESOLVER_ROW("junk", "malformed or does not belong"),
    RESOLVER_ROW("empty", "something that is not DNS"),
    RESOLVER_ROW("cut", "malformed or does not belong"),
    RESOLVER_ROW("html", "something that is not DNS"),
    RESOLVER_ROW("error", "HTTP error"),
    RESOLVER_ROW("redirect", "HTTP error"),
    RESOLVER_ROW("forged", "malformed or does not belong"),
    RESOLVER_ROW("truncated", "malformed or does not belong"),
    RESOLVER_ROW("notaresponse", "malformed or does not belong"),
    RESOLVER_ROW("noquestion", "malformed or does not belong"),
    RESOLVER_ROW("toomany", "malformed or does not belong"),
    RESOLVER_ROW("long", "something that is not DNS"),
    RESOLVER_ROW("loop", "malformed or does not belong"),
    RESOLVER_ROW("badorder", "HTTPS record is malformed"),
    RESOLVER_ROW("badlength", "HTTPS record is malformed"),
    RESOLVER_ROW("badport", "HTTPS record is malformed"),
    RESOLVER_ROW("badtarget", "HTTPS record is malformed"),
    RESOLVER_ROW("onebad", "HTTPS record is malformed"),
    {.name = "resolver silent",
     .fault = "silent",
     .is_slow = true,
     // The resolver's own patience may end first.
     .prefer = IS_REFUSED(502, "in time|HTTP error")},
    {.name = "resolver half",
     .fault = "half",
     .is_slow = true,
     // The resolver's own patience may end first.
     .prefer = IS_REFUSED(502, "in time|HTTP error")},

    // Names that are not for public DNS.
    {.name = "localhost",
     .host = "localhost",
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = IS_REFUSED(403, "local names")},
    {.name = "below localhost",
     .host = "a.localhost",
     .server = OFF,
     .prefer = IS_PASSED,
     .strict = IS_REFUSED(403, "local names")},
    {.name = "IP address",
     .host = "127.0.0.1",
     .server = OFF,
     .prefer = {.outcome = PASSED, .wire = WIRE_HIDDEN},
     .strict = IS_REFUSED(403, "addresses and local")},
    {.name = ".onion",
     .host = "abc.onion",
     .prefer = IS_REFUSED(403, "Tor"),
     .strict = IS_REFUSED(403, "Tor")},
    {.name = ".invalid",
     .host = "a.invalid",
     .prefer = IS_REFUSED(502, "does not exist"),
     .strict = IS_REFUSED(502, "does not exist")},
    {.name = "not a host name",
     .host = "a.b.0x7f",
     .prefer = IS_REFUSED(400, NULL),
     .strict = IS_REFUSED(400, NULL)},

    // Other ways to write a name.
    {.name = "upper case",
     .host = "UPPER.Site.TEST",
     .records = WITH_ECH,
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "final dot",
     .host = "dot.site.test.",
     .records = {"_@P._https.@H 300 IN HTTPS 1 @H ech=@ECH",
                 "@H 300 IN A 127.0.0.1"},
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},

    // A tunnel whose hello alone tells the name.
    {.name = "tunnel to an address",
     .port = 443,
     .records = {"@H. 300 IN HTTPS 1 . port=@P ech=@ECH", ADDRESS},
     .option = "--connect-to",
     .value = "@H:443:127.0.0.1:443",
     .prefer = IS_PRIVATE,
     .strict = IS_PRIVATE},
    {.name = "tunnel to an address over SOCKS5",
     .port = 443,
     .records = {"@H. 300 IN HTTPS 1 . port=@P ech=@ECH", ADDRESS},
     .way = SCENE_SOCKS5,
     .option = "--connect-to",
     .value = "@H:443:127.0.0.1:443",
     .prefer = IS_PRIVATE},
    {.name = "tunnel to an address, HTTPS records loop",
     .port = 443,
     .records = {"@H. 300 IN HTTPS 0 a.@H.", "a.@H. 300 IN HTTPS 0 @H.",
                 ADDRESS},
     .option = "--connect-to",
     .value = "@H:443:127.0.0.1:443",
     .prefer = {.outcome = DROPPED, .wire = WIRE_NOTHING}},

    // Not TLS.
    {.name = "http in a tunnel",
     .records = WITH_ECH,
     .server = CLEAR,
     .scheme = "http",
     .option = "--proxytunnel",
     .prefer = IS_PASSED,
     .strict = {.outcome = DROPPED,
                .wire = WIRE_NOTHING,
                .cause = "does not carry TLS"}},
    {.name = "http with an HTTPS record",
     .records = WITH_ECH,
     .scheme = "http",
     .prefer = {.outcome = UPGRADED, .wire = WIRE_NOTHING},
     .strict = {.outcome = UPGRADED, .wire = WIRE_NOTHING}},
    {.name = "http with an HTTPS record without ech",
     .records = WITHOUT_ECH,
     .scheme = "http",
     .prefer = {.outcome = UPGRADED, .wire = WIRE_NOTHING},
     .strict = {.outcome = UPGRADED, .wire = WIRE_NOTHING}},
    {.name = "http without an HTTPS record",
     .records = ONLY_ADDRESS,
     .server = CLEAR,
     .scheme = "http",
     .prefer = {.outcome = FORWARDED, .wire = WIRE_NAME},
     .strict = IS_REFUSED(403, "strict mode")},
    {.name = "http, NXDOMAIN",
     .scheme = "http",
     .prefer = IS_REFUSED(502, "does not exist"),
     .strict = IS_REFUSED(502, "does not exist")},
    {.name = "http, resolver servfail",
     .fault = "servfail",
     .scheme = "http",
     .server = CLEAR,
     .prefer = IS_REFUSED(502, "SERVFAIL"),
     .strict = IS_REFUSED(502, "SERVFAIL")},
    {.name = "http, .onion",
     .host = "abc.onion",
     .scheme = "http",
     .prefer = IS_REFUSED(502, "Tor"),
     .strict = IS_REFUSED(502, "Tor")},
};

#endif
