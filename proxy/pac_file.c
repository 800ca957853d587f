#include "proxy/pac_file.h"

#include <string.h>

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

// An address is letters, digits, dots, hyphens, colons and brackets, none of
// which a string of JavaScript minds.
void pac_file_write(struct bytes *out, const char *address) {
  append(out,
         "// Everything goes through echproxy, and nothing around it.\n"
         "function FindProxyForURL(url, host) {\n"
         "  return \"PROXY ");
  append(out, address);
  append(out, "\";\n}\n");
}
