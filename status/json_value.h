// json_value makes jansson's values of what status_json shows. What is not
// known is null, and octets that are not UTF-8 break nothing.

#ifndef ECHPROXY_STATUS_JSON_VALUE_H
#define ECHPROXY_STATUS_JSON_VALUE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

// json_value_text returns `text`, with '?' for every octet outside ASCII when
// it is not UTF-8; null when it is NULL or empty.
json_t *json_value_text(const char *text);

// json_value_count returns `number`.
json_t *json_value_count(uint64_t number);

enum { kJsonTimeSize = 64 };

// json_value_format_time writes milliseconds since 1970 in ISO 8601's form,
// UTC;
// "" when they are 0. Returns `out`.
const char *json_value_format_time(char out[kJsonTimeSize], int64_t ms);

// json_value_time returns what json_value_format_time writes, or null.
json_t *json_value_time(int64_t ms);

// json_value_dump returns the text of `value`, which it takes, on one line, and
// its length. Released with `free`.
char *json_value_dump(json_t *value, size_t *out_len);

#endif
