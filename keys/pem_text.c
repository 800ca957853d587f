#include "keys/pem_text.h"

#include <openssl/mem.h>
#include <string.h>

#include "keys/base64_text.h"

static const char kBegin[] = "-----BEGIN ";
static const char kEnd[] = "-----END ";
static const char kDashes[] = "-----";

static bool starts_with(const char *text, size_t len, const char *prefix) {
  size_t prefix_len = strlen(prefix);
  return len >= prefix_len && memcmp(text, prefix, prefix_len) == 0;
}

// next_line returns the offset of the first line that begins after `from`.
static size_t next_line(const char *text, size_t len, size_t from) {
  const char *newline =
      from < len ? memchr(text + from, '\n', len - from) : NULL;
  return newline == NULL ? len : (size_t)(newline - text) + 1;
}

// find_line returns the offset of the first line at or after `from`, which is
// the start of one, that begins with `prefix`; `len` when there is none.
static size_t find_line(const char *text, size_t len, size_t from,
                        const char *prefix) {
  while (from < len && !starts_with(text + from, len - from, prefix)) {
    from = next_line(text, len, from);
  }
  return from;
}

bool pem_text_found(const char *text, size_t len) {
  return find_line(text, len, 0, kBegin) < len;
}

// read_label reads a label up to the dashes that end it. False when there are
// none on this line, or it is too long to be shown.
static bool read_label(char out[kPemMaxLabel + 1], const char *text,
                       size_t len) {
  size_t label_len = 0;
  while (label_len < len && text[label_len] >= ' ' && text[label_len] < 0x7f &&
         !starts_with(text + label_len, len - label_len, kDashes)) {
    label_len++;
  }
  if (label_len > kPemMaxLabel ||
      !starts_with(text + label_len, len - label_len, kDashes)) {
    return false;
  }
  memcpy(out, text, label_len);
  out[label_len] = '\0';
  return true;
}

// decode reads the base64 between the two lines.
static bool decode(struct pem_block *out, const char *text, size_t from,
                   size_t to, struct key_error *out_error) {
  size_t bad;
  if (base64_text_decode(&out->data, &out->len, &bad, text + from, to - from)) {
    return true;
  }
  bool is_header = from + bad < to && text[from + bad] == ':';
  key_error_set(out_error,
                is_header ? "at byte %zu: expected base64, not a header; an "
                            "encrypted %s must be decrypted first"
                          : "at byte %zu: expected base64 of the %s block",
                from + bad, out->label);
  return false;
}

static bool read_block(struct pem_block *out, size_t *io_offset,
                       const char *text, size_t len,
                       struct key_error *out_error) {
  size_t label_at = out->offset + strlen(kBegin);
  if (!read_label(out->label, text + label_at, len - label_at)) {
    key_error_set(out_error, "at byte %zu: expected a PEM label and -----",
                  label_at);
    return false;
  }
  size_t body = label_at + strlen(out->label) + strlen(kDashes);
  size_t end = find_line(text, len, next_line(text, len, body), "-");
  char end_line[sizeof(kEnd) + kPemMaxLabel + sizeof(kDashes)];
  strcpy(end_line, kEnd);
  strcat(end_line, out->label);
  strcat(end_line, kDashes);
  if (end >= len || !starts_with(text + end, len - end, end_line)) {
    key_error_set(out_error, "at byte %zu: expected %s", end < len ? end : len,
                  end_line);
    return false;
  }
  *io_offset = next_line(text, len, end);
  return decode(out, text, body, end, out_error);
}

enum pem_text_result pem_text_next(struct pem_block *out, size_t *io_offset,
                                   const char *text, size_t len,
                                   struct key_error *out_error) {
  struct pem_block block = {.offset = find_line(text, len, *io_offset, kBegin)};
  if (block.offset >= len) {
    *io_offset = len;
    return PEM_TEXT_END;
  }
  if (!read_block(&block, io_offset, text, len, out_error)) {
    pem_block_cleanup(&block);
    return PEM_TEXT_BAD;
  }
  *out = block;
  return PEM_TEXT_BLOCK;
}

void pem_block_cleanup(struct pem_block *block) {
  OPENSSL_free(block->data);
  *block = (struct pem_block){.data = NULL};
}
