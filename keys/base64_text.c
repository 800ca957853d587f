#include "keys/base64_text.h"

#include <openssl/base64.h>
#include <openssl/mem.h>
#include <string.h>

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// fits says whether `c` may follow `num` characters that end in `num_pads` '='.
static bool fits(char c, size_t num, size_t num_pads) {
  if (c == '=') {
    return num % 4 >= 2;
  }
  return is_digit(c) && num_pads == 0;
}

// squeeze copies the characters that count and returns how many they are. Where
// it stops is `*out_bad`.
static size_t squeeze(char *out, size_t *out_bad, const char *text,
                      size_t len) {
  size_t num = 0;
  size_t num_pads = 0;
  for (size_t i = 0; i < len; i++) {
    if (is_space(text[i])) {
      continue;
    }
    if (!fits(text[i], num, num_pads)) {
      *out_bad = i;
      return num;
    }
    num_pads += text[i] == '=';
    out[num++] = text[i];
  }
  *out_bad = len;
  return num;
}

bool base64_text_decode(uint8_t **out, size_t *out_len, size_t *out_bad,
                        const char *text, size_t len) {
  char *digits = OPENSSL_malloc(len + 1);
  uint8_t *data = OPENSSL_malloc(len + 1);
  size_t data_len = 0;
  bool ok = digits != NULL && data != NULL;
  *out_bad = 0;
  if (ok) {
    size_t num = squeeze(digits, out_bad, text, len);
    ok = *out_bad == len && num > 0 &&
         EVP_DecodeBase64(data, &data_len, len + 1, (const uint8_t *)digits,
                          num);
  }
  OPENSSL_free(digits);
  if (!ok) {
    OPENSSL_free(data);
    return false;
  }
  *out = data;
  *out_len = data_len;
  return true;
}

char *base64_text_encode(const uint8_t *data, size_t len) {
  size_t size;
  char *out = EVP_EncodedLength(&size, len) ? OPENSSL_malloc(size) : NULL;
  if (out != NULL) {
    EVP_EncodeBlock((uint8_t *)out, data, len);
  }
  return out;
}
