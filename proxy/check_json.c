#include "proxy/check_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "ech/config_list.h"

static const char *const kLookupNames[] = {
    [LOOKUP_ECH] = "ech",
    [LOOKUP_NO_ECH] = "no-ech",
    [LOOKUP_NO_RECORD] = "no-record",
    [LOOKUP_NXDOMAIN] = "nxdomain",
    [LOOKUP_FAILED] = "failed",
    [LOOKUP_LOCAL] = "local",
    [LOOKUP_FORBIDDEN] = "forbidden",
};

static const char *const kOriginNames[] = {
    [ORIGIN_OK] = "ok",
    [ORIGIN_NO_ADDRESS] = "no-address",
    [ORIGIN_NO_COMPATIBLE_ENDPOINT] = "no-compatible-endpoint",
    [ORIGIN_UNREACHABLE] = "unreachable",
    [ORIGIN_TIMEOUT] = "timeout",
    [ORIGIN_TLS_FAILED] = "tls-failed",
    [ORIGIN_BAD_CERTIFICATE] = "bad-certificate",
    [ORIGIN_BAD_PUBLIC_NAME] = "bad-public-name",
    [ORIGIN_ECH_DISABLED] = "ech-disabled",
    [ORIGIN_ECH_REJECTED] = "ech-rejected",
    [ORIGIN_CERTIFICATE_REQUIRED] = "certificate-required",
    [ORIGIN_CERTIFICATE_REFUSED] = "certificate-refused",
};

// Octets that are not UTF-8, and absent texts, are null.
static json_t *text_or_null(const char *text) {
  json_t *string =
      text != NULL && text[0] != '\0' ? json_string(text) : json_null();
  return string != NULL ? string : json_null();
}

static json_t *alpn_array(const uint8_t *alpn, size_t len) {
  json_t *array = json_array();
  for (size_t at = 0; at < len && alpn[at] < len - at; at += 1u + alpn[at]) {
    json_t *name = json_stringn((const char *)alpn + at + 1, alpn[at]);
    json_array_append_new(array, name != NULL ? name : json_null());
  }
  return array;
}

static json_t *address_array(const struct address *addresses, size_t num) {
  char text[kAddressTextSize];
  json_t *array = json_array();
  for (size_t i = 0; i < num; i++) {
    json_array_append_new(array,
                          json_string(address_format(text, &addresses[i])));
  }
  return array;
}

static json_t *config_object(const struct ech_config_entry *entry) {
  json_t *object = json_pack("{s:i, s:b}", "version", (int)entry->version,
                             "usable", entry->verdict == ECH_CONFIG_USABLE);
  json_object_set_new(
      object, "reason",
      entry->verdict == ECH_CONFIG_USABLE
          ? json_null()
          : json_string(ech_config_verdict_str(entry->verdict)));
  if (entry->verdict != ECH_CONFIG_UNKNOWN_VERSION) {
    json_object_set_new(object, "public_name",
                        text_or_null(entry->public_name));
    json_object_set_new(object, "config_id", json_integer(entry->config_id));
    json_object_set_new(object, "kem_id", json_integer(entry->kem_id));
  }
  return object;
}

static json_t *config_array(const struct endpoint *endpoint) {
  json_t *array = json_array();
  struct ech_config_entry entry;
  size_t offset = 0;
  while (
      endpoint->ech != NULL &&
      ech_config_list_next(endpoint->ech, endpoint->ech_len, &offset, &entry)) {
    json_array_append_new(array, config_object(&entry));
  }
  return array;
}

static json_t *record_object(const struct endpoint *endpoint) {
  json_t *object = json_pack("{s:i, s:b}", "priority", (int)endpoint->priority,
                             "no_default_alpn", endpoint->no_default_alpn);
  json_object_set_new(object, "target", text_or_null(endpoint->target));
  json_object_set_new(object, "alpn",
                      alpn_array(endpoint->alpn, endpoint->alpn_len));
  json_object_set_new(
      object, "addresses",
      address_array(endpoint->addresses, endpoint->num_addresses));
  json_object_set_new(object, "ech", config_array(endpoint));
  return object;
}

static json_t *lookup_object(const struct lookup_answer *answer) {
  json_t *records = json_array();
  for (size_t i = 0; i < answer->num_endpoints; i++) {
    json_array_append_new(records, record_object(&answer->endpoints[i]));
  }
  json_t *object =
      json_pack("{s:s, s:I, s:o}", "status", kLookupNames[answer->status],
                "ttl", (json_int_t)answer->ttl, "records", records);
  json_object_set_new(object, "detail", text_or_null(answer->detail));
  json_object_set_new(object, "addresses",
                      address_array(answer->addresses, answer->num_addresses));
  return object;
}

static json_t *handshake_object(const struct check_report *report) {
  const struct check_handshake *h = &report->handshake;
  if (!report->connected) {
    return json_null();
  }
  json_t *object =
      json_pack("{s:s, s:b, s:b, s:b, s:b}", "status", kOriginNames[h->status],
                "ech_offered", h->privacy == ORIGIN_PRIVATE, "ech_accepted",
                h->ech_accepted, "retried", h->retried, "certificate_requested",
                h->certificate_requested);
  json_object_set_new(object, "address", text_or_null(h->address));
  json_object_set_new(object, "public_name", text_or_null(h->public_name));
  json_object_set_new(object, "tls", text_or_null(h->version));
  json_object_set_new(object, "cipher", text_or_null(h->cipher));
  json_object_set_new(object, "group", text_or_null(h->group));
  json_object_set_new(object, "alpn", text_or_null(h->alpn));
  json_object_set_new(object, "error", text_or_null(h->error));
  return object;
}

static json_t *observer_object(const struct check_report *report) {
  const struct check_handshake *h = &report->handshake;
  if (!report->connected || !h->hello_sent) {
    return json_null();
  }
  json_t *object =
      json_pack("{s:b, s:b}", "ech", h->hello.ech == CLIENT_HELLO_ECH_OUTER,
                "name_seen", check_report_name_was_seen(report));
  json_object_set_new(object, "server_name",
                      text_or_null(h->hello.server_name));
  json_object_set_new(object, "alpn",
                      alpn_array(h->hello.alpn, h->hello.alpn_len));
  return object;
}

static json_t *rules_array(const struct check_report *report) {
  const struct site_section *sections[kNumSiteKeys];
  const char *names[kMaxSiteKeyNames];
  json_t *array = json_array();
  size_t num = site_rule_sections(sections, &report->rule);
  for (size_t i = 0; i < num; i++) {
    json_t *keys = json_array();
    size_t num_names = site_rule_keys(names, &report->rule, sections[i]);
    for (size_t k = 0; k < num_names; k++) {
      json_array_append_new(keys, json_string(names[k]));
    }
    json_array_append_new(
        array, json_pack("{s:s, s:o}", "pattern", sections[i]->pattern.text,
                         "keys", keys));
  }
  return array;
}

void check_json_print(const struct check_report *report) {
  const char *why;
  enum check_verdict verdict = check_report_verdict(report, &why);
  json_t *object =
      json_pack("{s:s, s:i, s:s, s:s, s:s}", "host", report->host, "port",
                (int)report->port, "mode", check_report_mode_str(report),
                "verdict", check_verdict_str(verdict), "why", why);
  json_object_set_new(object, "rules", rules_array(report));
  json_object_set_new(object, "lookup", lookup_object(report->answer));
  json_object_set_new(object, "handshake", handshake_object(report));
  json_object_set_new(object, "observer", observer_object(report));
  json_dumpf(object, stdout, JSON_INDENT(2));
  json_decref(object);
}
