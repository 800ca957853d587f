// http is what the bench's site and its clients agree on: the heads of
// HTTP/1.1, and bodies whose every byte is known.

#ifndef ECHPROXY_TESTS_BENCH_HTTP_H
#define ECHPROXY_TESTS_BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// head_end returns the length of the head in `data` with its empty line, or 0
// when it is not all there.
size_t head_end(const char *data, size_t len);

// head_number returns the decimal number after `field` (`\r\nContent-Length:`),
// or `otherwise` when `head`, a string, has no such field.
uint64_t head_number(const char *head, const char *field, uint64_t otherwise);

// kBodyPeriod is the length after which every body of the bench repeats itself.
enum { kBodyPeriod = 64 * 1024 };

// body_new returns 2 * kBodyPeriod bytes: a body's byte at `offset` and the
// kBodyPeriod after it begin at `offset % kBodyPeriod`. Released with free.
uint8_t *body_new(void);

// body_matches says whether `data` is what a body has at `offset`.
bool body_matches(const uint8_t *body, uint64_t offset, const uint8_t *data,
                  size_t len);

#endif
