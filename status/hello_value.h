// hello_value puts what an extension of a ClientHello says into a few words,
// for hello_view.

#ifndef ECHPROXY_STATUS_HELLO_VALUE_H
#define ECHPROXY_STATUS_HELLO_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "net/bytes.h"
#include "status/tls_names.h"

// Of what is a list; the others are counted.
enum { kHelloValueMaxItems = 64 };

// hello_value_extension appends to `out` the value of the extension `type`,
// whose octets without its header are `body`: printable ASCII, whatever they
// are. It says so when they are not what the extension's format wants.
void hello_value_extension(struct bytes *out, uint16_t type,
                           const uint8_t *body, size_t len);

// hello_value_names appends the names of a list of numbers, each of `size`
// octets, 1 or 2. What is left over at its end is left out.
void hello_value_names(struct bytes *out, const uint8_t *list, size_t len,
                       size_t size, tls_name_fn *name);

// hello_value_hex appends the octets in lower-case hexadecimal digits.
void hello_value_hex(struct bytes *out, const uint8_t *data, size_t len);

// hello_value_format appends what printf would print, at most 255 octets of it.
__attribute__((format(printf, 2, 3))) void hello_value_format(
    struct bytes *out, const char *format, ...);

// hello_value_octets appends "1 octet" or "2 octets".
void hello_value_octets(struct bytes *out, size_t num);

#endif
