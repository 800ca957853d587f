// pem_text reads the blocks of a PEM file (RFC 7468). It is our own, because
// BoringSSL's reader does not say where a file goes wrong.

#ifndef ECHPROXY_KEYS_PEM_TEXT_H
#define ECHPROXY_KEYS_PEM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys/key_error.h"

enum { kPemMaxLabel = 40 };

// One block. All zero owns nothing.
struct pem_block {
  char label[kPemMaxLabel + 1];
  size_t offset;  // of its BEGIN line
  uint8_t *data;
  size_t len;
};

enum pem_text_result { PEM_TEXT_BLOCK, PEM_TEXT_END, PEM_TEXT_BAD };

// pem_text_next reads the next block from `*io_offset` on, skipping what stands
// before it (RFC 7468, section 2), and moves `*io_offset` behind it. With
// PEM_TEXT_BLOCK, `out` is released with pem_block_cleanup; with PEM_TEXT_BAD
// `out_error` says where the block goes wrong and what was expected.
enum pem_text_result pem_text_next(struct pem_block *out, size_t *io_offset,
                                   const char *text, size_t len,
                                   struct key_error *out_error);

// pem_text_found says whether there is a BEGIN line in `text` at all.
bool pem_text_found(const char *text, size_t len);

// pem_block_cleanup wipes and releases what `block` owns.
void pem_block_cleanup(struct pem_block *block);

#endif
