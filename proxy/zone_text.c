#include "proxy/zone_text.h"

#include <openssl/mem.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ech/svcb.h"
#include "keys/base64_text.h"
#include "keys/hex_text.h"
#include "net/xalloc.h"

// One word, its quotes and escapes resolved.
struct token {
  size_t offset;      // of its first character in the text
  size_t raw_len;     // as it stands there
  size_t value_from;  // where in the text the part after '=' begins
  char *text;         // with a NUL after it
  size_t len;
  size_t key_len;  // up to '=', or `len`
};

struct tokens {
  struct token all[kZoneTextMaxTokens];
  size_t num;
  char *memory;  // of all their texts
};

// The text, and how far it was read.
struct cursor {
  const char *text;
  size_t len;
  size_t at;
  unsigned depth;  // of parentheses, in which a line's end is a space
  struct zone_text_fault *fault;
};

static bool fail(struct cursor *c, size_t offset, const char *expected) {
  *c->fault = (struct zone_text_fault){offset, expected};
  return false;
}

static bool is_one_of(char c, const char *set) {
  return c != '\0' && strchr(set, c) != NULL;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

// skip_space goes to the next word, or to the end of the record: of its line,
// or of the text.
static bool skip_space(struct cursor *c) {
  for (; c->at < c->len; c->at++) {
    switch (c->text[c->at]) {
      case ' ':
      case '\t':
      case '\r':
        break;
      case ';':
        while (c->at + 1 < c->len && c->text[c->at + 1] != '\n') {
          c->at++;
        }
        break;
      case '(':
        c->depth++;
        break;
      case ')':
        if (c->depth == 0) {
          return fail(c, c->at, "no ) without a (");
        }
        c->depth--;
        break;
      case '\n':
        if (c->depth == 0) {
          return true;
        }
        break;
      default:
        return true;
    }
  }
  return c->depth == 0 || fail(c, c->at, ") at the end of the record");
}

// get_escape reads what follows a backslash: three digits, or a character that
// stands for itself.
static bool get_escape(struct cursor *c, char *out) {
  const char *digits = c->text + c->at + 1;
  size_t rest = c->len - c->at - 1;
  if (rest >= 1 && !is_digit(digits[0])) {
    *out = digits[0];
    c->at += 2;
    return true;
  }
  if (rest < 3 || !is_digit(digits[1]) || !is_digit(digits[2])) {
    return fail(c, c->at, "a character or three digits after \\");
  }
  int value =
      (digits[0] - '0') * 100 + (digits[1] - '0') * 10 + (digits[2] - '0');
  if (value > UINT8_MAX) {
    return fail(c, c->at, "a number up to 255 after \\");
  }
  *out = (char)value;
  c->at += 4;
  return true;
}

// get_token reads a word into `memory`, which has room for all of the text.
static bool get_token(struct cursor *c, struct token *out, char *memory) {
  bool quoted = false;
  bool has_key = false;
  *out = (struct token){.offset = c->at, .text = memory};
  while (c->at < c->len &&
         (quoted || !is_one_of(c->text[c->at], " \t\r\n;()"))) {
    char *next = &out->text[out->len];
    *next = c->text[c->at];
    if (*next == '"') {
      quoted = !quoted;
      c->at++;
      continue;
    }
    if (*next == '\\') {
      if (!get_escape(c, next)) {
        return false;
      }
    } else {
      c->at++;
    }
    if (*next == '=' && !has_key) {
      has_key = true;
      out->key_len = out->len;
      bool quote_follows = c->at < c->len && c->text[c->at] == '"';
      out->value_from = c->at + (quote_follows ? 1 : 0);
    }
    out->len++;
  }
  if (quoted) {
    return fail(c, c->len, "\" at the end of a quoted text");
  }
  if (!has_key) {
    out->key_len = out->len;
  }
  out->raw_len = c->at - out->offset;
  out->text[out->len] = '\0';
  return true;
}

// get_tokens reads the words of one record, and sees that nothing follows.
static bool get_tokens(struct cursor *c, struct tokens *out) {
  char *memory = out->memory;
  bool ended = false;
  while (skip_space(c) && c->at < c->len) {
    if (c->text[c->at] == '\n') {
      ended = out->num > 0;  // else it is a line before the record
      c->at++;
      continue;
    }
    if (ended || out->num == kZoneTextMaxTokens) {
      return fail(c, c->at, "one record and no more");
    }
    struct token *token = &out->all[out->num++];
    if (!get_token(c, token, memory)) {
      return false;
    }
    memory += token->len + 1;
  }
  return c->fault->expected == NULL;
}

static bool is_type(const char *word, size_t len) {
  static const char *const kTypes[] = {"HTTPS", "SVCB", "TYPE65", "TYPE64"};
  for (size_t i = 0; i < sizeof(kTypes) / sizeof(kTypes[0]); i++) {
    if (strlen(kTypes[i]) == len && strncasecmp(word, kTypes[i], len) == 0) {
      return true;
    }
  }
  return false;
}

// find_data returns where the data of the record begins: behind its type, which
// has at most a name, a TTL and a class before it; else at the first word.
static size_t find_data(const struct tokens *tokens) {
  for (size_t i = 0; i < tokens->num && i < 4; i++) {
    if (is_type(tokens->all[i].text, tokens->all[i].len)) {
      return i + 1;
    }
  }
  return 0;
}

static bool get_number(const struct token *token, unsigned long *out) {
  char *end;
  *out = strtoul(token->text, &end, 10);
  return is_digit(token->text[0]) && *end == '\0' && *out <= UINT16_MAX;
}

// The data of RFC 3597, section 5: \# LENGTH HEX...

static bool get_hex(struct cursor *c, const struct tokens *tokens, size_t i,
                    uint8_t *out, size_t *out_len) {
  size_t num_digits = 0;
  for (; i < tokens->num; i++) {
    const struct token *token = &tokens->all[i];
    for (size_t k = 0; k < token->len; k++) {
      int digit = hex_text_digit(token->text[k]);
      if (digit < 0) {
        return fail(c, token->offset + k, "hexadecimal");
      }
      uint8_t *octet = &out[num_digits / 2];
      *octet = (uint8_t)(num_digits % 2 == 0 ? digit << 4 : *octet | digit);
      num_digits++;
    }
  }
  *out_len = num_digits / 2;
  return num_digits % 2 == 0 ||
         fail(c, c->len, "two hexadecimal digits for each octet");
}

static bool take_rdata(struct cursor *c, uint8_t **out, size_t *out_len,
                       const uint8_t *rdata, size_t len, size_t offset) {
  struct svcb svcb;
  if (!svcb_parse(&svcb, rdata, len)) {
    return fail(c, offset,
                "the data of an HTTPS record (RFC 9460, section 2.2)");
  }
  if (svcb.ech == NULL) {
    return fail(c, offset, "a record with ech");
  }
  *out = xmemdup(svcb.ech, svcb.ech_len);
  *out_len = svcb.ech_len;
  return true;
}

static bool parse_generic(struct cursor *c, const struct tokens *tokens,
                          size_t i, uint8_t **out, size_t *out_len) {
  unsigned long wanted;
  if (i >= tokens->num || !get_number(&tokens->all[i], &wanted)) {
    return fail(c, i < tokens->num ? tokens->all[i].offset : c->len,
                "the number of octets after \\#");
  }
  uint8_t *rdata = xcalloc(c->len / 2 + 1, 1);
  size_t len;
  bool ok = get_hex(c, tokens, i + 1, rdata, &len);
  if (ok && len != wanted) {
    ok = fail(c, tokens->all[i].offset, "the number of octets that follow");
  }
  ok = ok &&
       take_rdata(c, out, out_len, rdata, len,
                  i + 1 < tokens->num ? tokens->all[i + 1].offset : c->len);
  free(rdata);
  return ok;
}

// The form of RFC 9460, section 2.1: PRIORITY TARGET KEY=VALUE...

static bool is_key(const struct token *token) {
  for (size_t i = 0; i < token->key_len; i++) {
    char c = token->text[i];
    if (!is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '-') {
      return false;
    }
  }
  return token->key_len > 0;
}

static bool key_is(const struct token *token, const char *key) {
  return token->key_len == strlen(key) &&
         strncasecmp(token->text, key, token->key_len) == 0;
}

// take_ech takes base64, or with `key5` the octets themselves.
static bool take_ech(struct cursor *c, const struct token *token, uint8_t **out,
                     size_t *out_len) {
  bool has_value = token->key_len < token->len;
  const char *value = token->text + token->key_len + (has_value ? 1 : 0);
  size_t len = token->len - (size_t)(value - token->text);
  uint8_t *list;
  size_t bad = 0;
  if (key_is(token, "key5")) {
    *out = xmemdup(value, len);
    *out_len = len;
    return true;
  }
  if (!base64_text_decode(&list, out_len, &bad, value, len)) {
    return fail(
        c, has_value ? token->value_from + bad : token->offset + token->raw_len,
        "base64 of an ECHConfigList");
  }
  *out = xmemdup(list, *out_len);
  OPENSSL_free(list);
  return true;
}

static bool parse_params(struct cursor *c, const struct tokens *tokens,
                         size_t i, uint8_t **out, size_t *out_len) {
  const struct token *ech = NULL;
  for (; i < tokens->num; i++) {
    const struct token *token = &tokens->all[i];
    bool is_ech = key_is(token, "ech") || key_is(token, "key5");
    if (!is_key(token) || (is_ech && ech != NULL)) {
      return fail(c, token->offset,
                  ech != NULL && is_ech ? "ech no more than once"
                                        : "a SvcParam, such as alpn=h2");
    }
    ech = is_ech ? token : ech;
  }
  return ech == NULL ? fail(c, c->len, "ech= in the record")
                     : take_ech(c, ech, out, out_len);
}

static bool parse_record(struct cursor *c, const struct tokens *tokens,
                         uint8_t **out, size_t *out_len) {
  size_t i = find_data(tokens);
  bool has_type = i > 0;
  unsigned long priority;
  if (i >= tokens->num) {
    return fail(c, c->len, "the data of the record");
  }
  const struct token *first = &tokens->all[i];
  if (first->raw_len == 2 && memcmp(c->text + first->offset, "\\#", 2) == 0) {
    return parse_generic(c, tokens, i + 1, out, out_len);
  }
  if (get_number(first, &priority)) {
    if (priority == 0) {
      return fail(c, first->offset,
                  "a priority from 1 on: the alias of priority 0 has no ech");
    }
    i += 2;  // the target follows
  } else if (has_type) {
    return fail(c, first->offset, "a priority from 1 to 65535");
  }
  return parse_params(c, tokens, i, out, out_len);
}

bool zone_text_parse(uint8_t **out, size_t *out_len, const char *text,
                     size_t len, struct zone_text_fault *out_fault) {
  struct tokens *tokens = xcalloc(1, sizeof(*tokens));
  struct cursor c = {.text = text, .len = len, .fault = out_fault};
  *out_fault = (struct zone_text_fault){0, NULL};
  tokens->memory = xcalloc(len + kZoneTextMaxTokens + 1, 1);
  bool ok = get_tokens(&c, tokens) && parse_record(&c, tokens, out, out_len);
  free(tokens->memory);
  free(tokens);
  return ok;
}

static bool begins(const char *text, size_t len, const char *prefix) {
  size_t prefix_len = strlen(prefix);
  return len >= prefix_len && strncasecmp(text, prefix, prefix_len) == 0;
}

bool zone_text_found(const char *text, size_t len) {
  size_t at = 0;
  while (at < len) {
    size_t word = at;
    while (word < len && !is_one_of(text[word], " \t\r\n;()")) {
      word++;
    }
    if (is_type(text + at, word - at) || begins(text + at, len - at, "ech=") ||
        begins(text + at, len - at, "key5=") ||
        begins(text + at, len - at, "\\#")) {
      return true;
    }
    at = word + 1;
  }
  return false;
}
