#include "ech/wire_name.h"

#include <string.h>

// lower_octet gives `c` in lower case, or 0 when it may not stand in a label.
// Locale-free on purpose.
static char lower_octet(uint8_t c) {
  if (c >= 'A' && c <= 'Z') {
    return (char)(c - 'A' + 'a');
  }
  if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
      c == '_') {
    return (char)c;
  }
  return 0;
}

// append_label adds `label` to the `*io_len` characters of `name`, with a dot
// between.
static bool append_label(char name[kDnsNameSize], size_t *io_len,
                         const uint8_t *label, size_t label_len) {
  size_t len = *io_len;
  size_t dot = len == 0 ? 0 : 1;
  if (label_len == 0 || label_len > kDnsLabelMaxLen ||
      len + dot + label_len >= kDnsNameSize) {
    return false;
  }
  if (dot != 0) {
    name[len++] = '.';
  }
  for (size_t i = 0; i < label_len; i++) {
    char c = lower_octet(label[i]);
    if (c == 0) {
      return false;
    }
    name[len++] = c;
  }
  name[len] = '\0';
  *io_len = len;
  return true;
}

bool wire_name_normalize(char out[kDnsNameSize], const char *text) {
  char name[kDnsNameSize];
  size_t name_len = 0;
  for (;;) {
    size_t label_len = strcspn(text, ".");
    if (!append_label(name, &name_len, (const uint8_t *)text, label_len)) {
      return false;
    }
    text += label_len;
    if (*text == '\0') {
      break;
    }
    text++;  // a dot, which another label must follow
  }
  memcpy(out, name, name_len + 1);
  return true;
}

bool wire_name_read(char out[kDnsNameSize], CBS *cbs) {
  char name[kDnsNameSize] = ".";
  size_t name_len = 0;
  for (;;) {
    // A length above 63 is a pointer or a label type that never came to be;
    // append_label refuses it.
    CBS label;
    if (!CBS_get_u8_length_prefixed(cbs, &label)) {
      return false;
    }
    if (CBS_len(&label) == 0) {
      break;
    }
    if (!append_label(name, &name_len, CBS_data(&label), CBS_len(&label))) {
      return false;
    }
  }
  memcpy(out, name, sizeof(name));
  return true;
}

bool wire_name_write(CBB *cbb, const char *name) {
  char lower[kDnsNameSize];
  if (!wire_name_normalize(lower, name)) {
    return false;
  }
  for (const char *label = lower; *label != '\0';) {
    size_t label_len = strcspn(label, ".");
    CBB child;
    if (!CBB_add_u8_length_prefixed(cbb, &child) ||
        !CBB_add_bytes(&child, (const uint8_t *)label, label_len) ||
        !CBB_flush(cbb)) {
      return false;
    }
    label += label_len;
    label += *label == '.' ? 1 : 0;
  }
  return CBB_add_u8(cbb, 0);
}
