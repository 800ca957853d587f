#include "proxy/check_text.h"

#include <stdio.h>

#include "ech/config_list.h"
#include "proxy/terminal.h"

enum { kKemX25519 = 0x0020 };  // RFC 9180, section 7.1

static void print_alpn(const char *label, const uint8_t *alpn, size_t len) {
  printf("%s", label);
  for (size_t at = 0; at < len && alpn[at] < len - at; at += 1u + alpn[at]) {
    printf("%s%.*s", at == 0 ? "" : ", ", (int)alpn[at],
           (const char *)alpn + at + 1);
  }
  printf("%s\n", len == 0 ? "none" : "");
}

static void print_addresses(const struct address *addresses, size_t num) {
  char text[kAddressTextSize];
  for (size_t i = 0; i < num; i++) {
    printf("%s%s", i == 0 ? "" : ", ", address_format(text, &addresses[i]));
  }
  printf("%s\n", num == 0 ? "none" : "");
}

static void print_configs(const struct endpoint *endpoint) {
  struct ech_config_entry entry;
  size_t offset = 0;
  if (endpoint->ech == NULL) {
    printf("    no ECH that can be used\n");
    return;
  }
  while (
      ech_config_list_next(endpoint->ech, endpoint->ech_len, &offset, &entry)) {
    if (entry.verdict == ECH_CONFIG_UNKNOWN_VERSION) {
      printf("    ECH of version 0x%04x: not usable, %s\n", entry.version,
             ech_config_verdict_str(entry.verdict));
      continue;
    }
    printf("    ECH: public name %s, config id %u, KEM 0x%04x%s: %s%s\n",
           entry.public_name, entry.config_id, entry.kem_id,
           entry.kem_id == kKemX25519 ? " (X25519)" : "",
           entry.verdict == ECH_CONFIG_USABLE ? "" : "not usable, ",
           ech_config_verdict_str(entry.verdict));
  }
}

// The sections of the configuration file that are in force for the site.
static void print_rules(const struct check_report *report) {
  const struct site_section *sections[kNumSiteKeys];
  const char *names[kMaxSiteKeyNames];
  size_t num = site_rule_sections(sections, &report->rule);
  for (size_t i = 0; i < num; i++) {
    printf("%s  rule: [site \"%s\"] for ", i == 0 ? "Your rules\n" : "",
           sections[i]->pattern.text);
    size_t num_names = site_rule_keys(names, &report->rule, sections[i]);
    for (size_t k = 0; k < num_names; k++) {
      printf("%s%s", k == 0 ? "" : ", ", names[k]);
    }
    printf("\n");
  }
  if (report->rule.from[SITE_MODE] != NULL) {
    printf("  mode: %s\n", check_report_mode_str(report));
  }
}

static void print_record(const struct endpoint *e) {
  printf("  HTTPS record with priority %u, server %s\n", e->priority,
         e->target);
  print_alpn("    protocols: ", e->alpn, e->alpn_len);
  // Meant as well unless the record says otherwise (RFC 9460, section 7.1.2).
  if (!e->no_default_alpn) {
    printf("    and http/1.1 by default\n");
  }
}

static void print_lookup(const struct check_report *report) {
  const struct lookup_answer *a = report->answer;
  printf("Its record\n  %s: %s.\n", report->host,
         a->detail != NULL ? a->detail : lookup_status_str(a->status));
  for (size_t i = 0; i < a->num_endpoints; i++) {
    const struct endpoint *e = &a->endpoints[i];
    // Priority 0 is no ServiceMode record: an alias, or a site rule's doing.
    if (e->priority == 0) {
      printf("  server %s\n", e->target);
    } else {
      print_record(e);
    }
    printf("    addresses: ");
    print_addresses(e->addresses, e->num_addresses);
    print_configs(e);
  }
  if (a->num_addresses > 0) {
    printf("  addresses: ");
    print_addresses(a->addresses, a->num_addresses);
  }
}

// Whether the server took ECH is known only when it has said so: after other
// failures it may have.
static const char *ech_outcome(const struct check_handshake *h) {
  switch (h->status) {
    case ORIGIN_OK:
    case ORIGIN_CERTIFICATE_REQUIRED:
    case ORIGIN_CERTIFICATE_REFUSED:
      return "accepted";
    case ORIGIN_ECH_DISABLED:
    case ORIGIN_ECH_REJECTED:
    case ORIGIN_BAD_PUBLIC_NAME:
      return "refused";
    case ORIGIN_NO_ADDRESS:
    case ORIGIN_NO_COMPATIBLE_ENDPOINT:
    case ORIGIN_UNREACHABLE:
    case ORIGIN_TIMEOUT:
    case ORIGIN_TLS_FAILED:
    case ORIGIN_BAD_CERTIFICATE:
      break;
  }
  return "offered";
}

static void print_handshake(const struct check_report *report) {
  const struct check_handshake *h = &report->handshake;
  printf("The handshake\n");
  if (!report->connected) {
    printf("  No connection was made.\n");
    return;
  }
  printf("  %s%s%s%s%s.\n", h->address, h->address[0] != '\0' ? ": " : "",
         origin_status_str(h->status), h->error[0] != '\0' ? ": " : "",
         h->error);
  if (h->retried) {
    printf(
        "  The published configuration was out of date; the server's own was "
        "used for a\n  second try.\n");
  }
  if (h->privacy == ORIGIN_PRIVATE && h->hello_sent) {
    printf("  ECH was %s for the public name %s.\n", ech_outcome(h),
           h->public_name);
  }
  if (h->certificate_requested) {
    printf("  The site asked for a client certificate.\n");
  }
  if (h->version != NULL) {
    printf("  %s, %s, %s, protocol %s; the certificate is valid.\n", h->version,
           h->cipher, h->group != NULL ? h->group : "no group",
           h->alpn[0] != '\0' ? h->alpn : "not negotiated");
  }
}

static void print_observer(const struct check_report *report) {
  const struct check_handshake *h = &report->handshake;
  printf("What an observer saw\n");
  if (!report->connected || !h->hello_sent) {
    printf("  Nothing: no handshake was begun.\n");
    return;
  }
  printf("  server name: %s%s\n",
         h->hello.server_name[0] != '\0' ? h->hello.server_name : "none",
         check_report_name_was_seen(report) ? " (the site's own)" : "");
  if (h->hello.ech == CLIENT_HELLO_ECH_OUTER) {
    printf("  ECH: %zu encrypted octets for config id %u\n",
           h->hello.ech_payload_len, h->hello.ech_config_id);
  } else {
    printf("  ECH: none\n");
  }
  print_alpn("  protocols offered: ", h->hello.alpn, h->hello.alpn_len);
}

void check_text_print(const struct check_report *report, bool colour) {
  static const struct {
    const char *label;
    enum terminal_style style;
  } kVerdicts[] = {
      [CHECK_PRIVATE] = {"PRIVATE", TERMINAL_GOOD},
      [CHECK_NOT_PRIVATE] = {"NOT PRIVATE", TERMINAL_WARN},
      [CHECK_UNKNOWN] = {"COULD NOT TELL", TERMINAL_BAD},
  };
  const char *why;
  enum check_verdict verdict = check_report_verdict(report, &why);
  print_rules(report);
  print_lookup(report);
  print_handshake(report);
  print_observer(report);
  printf("%s%s%s: %s\n", terminal_style(colour, kVerdicts[verdict].style),
         kVerdicts[verdict].label, terminal_style(colour, TERMINAL_PLAIN), why);
}
