// zone_text finds the ECH configuration in an HTTPS or SVCB record as people
// have it: a line of a zone file, its data in the form of RFC 9460 or of RFC
// 3597, the SvcParams alone, or `ech=` alone.

#ifndef ECHPROXY_PROXY_ZONE_TEXT_H
#define ECHPROXY_PROXY_ZONE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { kZoneTextMaxTokens = 64 };

// What is wrong, and at which octet of the text.
struct zone_text_fault {
  size_t offset;
  const char *expected;  // static
};

// zone_text_found says whether `text` is meant to be such a record: a word of
// it is the name of the type, begins with ech= or key5=, or is \#.
bool zone_text_found(const char *text, size_t len);

// zone_text_parse reads one record; comments, parentheses and escapes may be in
// it (RFC 1035, section 5.1). `*out` is the value of its `ech`, which is not
// looked at, released with `free`. False with `out_fault` when the text is no
// such record, or one without `ech`.
bool zone_text_parse(uint8_t **out, size_t *out_len, const char *text,
                     size_t len, struct zone_text_fault *out_fault);

#endif
