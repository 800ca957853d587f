// base64_text is base64 (RFC 4648, section 4) as it stands in files and on
// command lines, with white space in it.

#ifndef ECHPROXY_KEYS_BASE64_TEXT_H
#define ECHPROXY_KEYS_BASE64_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// base64_text_decode decodes `text`, in which white space does not count and
// the padding is complete. `*out` is released with OPENSSL_free, which wipes
// it. False when it is no base64, or nothing: `*out_bad` is then the offset of
// the first character that does not fit, or `len` when there are too few.
bool base64_text_decode(uint8_t **out, size_t *out_len, size_t *out_bad,
                        const char *text, size_t len);

// base64_text_encode returns `data` in base64, one string without line ends,
// released with OPENSSL_free; NULL when memory is gone.
char *base64_text_encode(const uint8_t *data, size_t len);

#endif
