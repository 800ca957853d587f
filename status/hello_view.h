// hello_view takes a ClientHello (RFC 9846, section 4.1.2) apart for people to
// look at: every octet of it belongs to one field, in the order of the octets.
// ech/client_hello reads what the proxy decides by, and refuses what is not
// well-formed; this shows what there is.

#ifndef ECHPROXY_STATUS_HELLO_VIEW_H
#define ECHPROXY_STATUS_HELLO_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "status/tls_names.h"

struct hello_field {
  char
      name[kTlsNameSize];  // as the RFC has it; of an extension, as IANA has it
  int32_t code;            // the extension's code point; -1: it is none
  char *value;             // a few words of printable ASCII
  size_t offset;           // in the message
  size_t len;              // of an extension, with its header
};

struct hello_view {
  struct hello_field *fields;
  size_t num_fields;
  size_t message_len;  // what was not kept included
};

// hello_view_init reads the handshake message `message`, or the first octets
// of it. Where it ends too early or is not well-formed, a last field says so:
// "not kept", as long as what is missing, or "malformed". Nothing of `message`
// is needed afterwards.
// Released with hello_view_cleanup.
void hello_view_init(struct hello_view *view, const uint8_t *message,
                     size_t len);
void hello_view_cleanup(struct hello_view *view);

#endif
