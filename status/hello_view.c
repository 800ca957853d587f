#include "status/hello_view.h"

#include <openssl/bytestring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/xalloc.h"
#include "status/hello_value.h"

enum {
  kClientHello = 1,
  kHeaderLen = 4,
  kRandomLen = 32,
  kSessionIdMaxLen = 32,
  kNoExtension = -1,
};

// What is read, and how far. `cbs` is what is still to be read.
struct reader {
  struct hello_view *view;
  const uint8_t *message;
  CBS cbs;
  bool malformed;  // besides octets that are missing
};

static size_t position(const struct reader *r) {
  return (size_t)(CBS_data(&r->cbs) - r->message);
}

// add_field ends a field that began at `offset` and ends where `r` is. It takes
// `value`.
static struct hello_field *add_field(struct reader *r, size_t offset,
                                     int32_t code, struct bytes *value) {
  struct hello_view *view = r->view;
  // There are some twenty, and never more than the octets can hold.
  view->fields =
      xrealloc(view->fields, (view->num_fields + 1) * sizeof(view->fields[0]));
  struct hello_field *field = &view->fields[view->num_fields++];
  bytes_append(value, "", 1);
  *field = (struct hello_field){.code = code,
                                .value = (char *)value->data,
                                .offset = offset,
                                .len = position(r) - offset};
  return field;
}

static bool refuse(struct reader *r) {
  r->malformed = true;
  return false;
}

static void add_named(struct reader *r, const char *name, size_t offset,
                      struct bytes *value) {
  struct hello_field *field = add_field(r, offset, kNoExtension, value);
  snprintf(field->name, sizeof(field->name), "%s", name);
}

static bool read_header(struct reader *r) {
  uint8_t type;
  uint32_t len;
  struct bytes type_text = {0}, len_text = {0};
  if (CBS_len(&r->cbs) < kHeaderLen || CBS_data(&r->cbs)[0] != kClientHello) {
    return refuse(r);
  }
  CBS_get_u8(&r->cbs, &type);
  hello_value_format(&type_text, "client_hello (%u)", type);
  add_named(r, "msg_type", 0, &type_text);
  CBS_get_u24(&r->cbs, &len);
  hello_value_octets(&len_text, len);
  add_named(r, "length", 1, &len_text);
  r->view->message_len = kHeaderLen + len;
  // What comes after the message is none of it.
  if (CBS_len(&r->cbs) > len) {
    CBS_init(&r->cbs, CBS_data(&r->cbs), len);
  }
  return true;
}

static bool read_version(struct reader *r) {
  size_t offset = position(r);
  uint16_t version;
  char name[kTlsNameSize];
  struct bytes value = {0};
  if (!CBS_get_u16(&r->cbs, &version)) {
    return false;
  }
  hello_value_format(&value, "%s", tls_name_version(name, version));
  add_named(r, "legacy_version", offset, &value);
  return true;
}

static bool read_random(struct reader *r) {
  size_t offset = position(r);
  CBS random;
  struct bytes value = {0};
  if (!CBS_get_bytes(&r->cbs, &random, kRandomLen)) {
    return false;
  }
  hello_value_hex(&value, CBS_data(&random), CBS_len(&random));
  add_named(r, "random", offset, &value);
  return true;
}

static bool read_session_id(struct reader *r) {
  size_t offset = position(r);
  CBS id, rest = r->cbs;
  struct bytes value = {0};
  if (!CBS_get_u8_length_prefixed(&rest, &id)) {
    return false;
  }
  if (CBS_len(&id) > kSessionIdMaxLen) {
    return refuse(r);
  }
  r->cbs = rest;
  if (CBS_len(&id) == 0) {
    hello_value_format(&value, "empty");
  }
  hello_value_hex(&value, CBS_data(&id), CBS_len(&id));
  add_named(r, "legacy_session_id", offset, &value);
  return true;
}

static bool read_cipher_suites(struct reader *r) {
  size_t offset = position(r);
  CBS list, rest = r->cbs;
  struct bytes value = {0};
  if (!CBS_get_u16_length_prefixed(&rest, &list)) {
    return false;
  }
  if (CBS_len(&list) == 0 || CBS_len(&list) % 2 != 0) {
    return refuse(r);
  }
  r->cbs = rest;
  hello_value_names(&value, CBS_data(&list), CBS_len(&list), 2,
                    tls_name_cipher);
  add_named(r, "cipher_suites", offset, &value);
  return true;
}

// RFC 3749. Nothing but null has been offered for years.
static const char *compression_name(char out[kTlsNameSize], uint16_t value) {
  snprintf(out, kTlsNameSize, value == 0 ? "null" : "unknown (0x%02x)", value);
  return out;
}

static bool read_compressions(struct reader *r) {
  size_t offset = position(r);
  CBS list, rest = r->cbs;
  struct bytes value = {0};
  if (!CBS_get_u8_length_prefixed(&rest, &list)) {
    return false;
  }
  if (CBS_len(&list) == 0) {
    return refuse(r);
  }
  r->cbs = rest;
  hello_value_names(&value, CBS_data(&list), CBS_len(&list), 1,
                    compression_name);
  add_named(r, "legacy_compression_methods", offset, &value);
  return true;
}

// The length of the block, which must be what is left of the message. A hello
// may end before it, as those of old clients do.
static bool read_block_len(struct reader *r) {
  size_t offset = position(r);
  uint16_t len;
  struct bytes value = {0};
  CBS rest = r->cbs;
  if (offset == r->view->message_len) {
    return true;
  }
  if (!CBS_get_u16(&rest, &len)) {
    return false;
  }
  if (offset + sizeof(len) + len != r->view->message_len) {
    return refuse(r);
  }
  r->cbs = rest;
  hello_value_octets(&value, len);
  add_named(r, "extensions", offset, &value);
  return true;
}

static bool read_extension(struct reader *r) {
  size_t offset = position(r);
  CBS body, rest = r->cbs;
  uint16_t type;
  struct bytes value = {0};
  if (!CBS_get_u16(&rest, &type) ||
      !CBS_get_u16_length_prefixed(&rest, &body)) {
    return false;
  }
  r->cbs = rest;
  hello_value_extension(&value, type, CBS_data(&body), CBS_len(&body));
  struct hello_field *field = add_field(r, offset, type, &value);
  tls_name_extension(field->name, type);
  return true;
}

static bool read_all(struct reader *r) {
  bool ok = read_header(r) && read_version(r) && read_random(r) &&
            read_session_id(r) && read_cipher_suites(r) &&
            read_compressions(r) && read_block_len(r);
  while (ok && CBS_len(&r->cbs) > 0) {
    ok = read_extension(r);
  }
  return ok && position(r) == r->view->message_len;
}

static void add_not_kept(struct reader *r, size_t len) {
  struct bytes value = {0};
  size_t offset = position(r);
  size_t missing = r->view->message_len - offset;
  hello_value_octets(&value, missing);
  hello_value_format(&value, ", of which %zu were kept", len - offset);
  add_named(r, "not kept", offset, &value);
  r->view->fields[r->view->num_fields - 1].len = missing;
}

static void add_malformed(struct reader *r, size_t len) {
  struct bytes value = {0};
  size_t offset = position(r);
  hello_value_octets(&value, len - offset);
  hello_value_format(&value, " from where it is not well-formed");
  CBS_init(&r->cbs, r->message + len, 0);
  add_named(r, "malformed", offset, &value);
  r->view->message_len = len;
}

void hello_view_init(struct hello_view *view, const uint8_t *message,
                     size_t len) {
  struct reader r = {.view = view, .message = message};
  *view = (struct hello_view){.message_len = len};
  CBS_init(&r.cbs, message, len);
  bool ok = read_all(&r);
  if (!ok && len < view->message_len && !r.malformed) {
    add_not_kept(&r, len);
  } else if (!ok || len > view->message_len) {
    add_malformed(&r, len);
  }
}

void hello_view_cleanup(struct hello_view *view) {
  for (size_t i = 0; i < view->num_fields; i++) {
    free(view->fields[i].value);
  }
  free(view->fields);
  *view = (struct hello_view){0};
}
