// client_hello reads a ClientHello (RFC 9846, section 4.1.2) the way an
// observer on the wire does.

#ifndef ECHPROXY_ECH_CLIENT_HELLO_H
#define ECHPROXY_ECH_CLIENT_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum client_hello_ech {
  CLIENT_HELLO_NO_ECH,
  // encrypted_client_hello, type outer. GREASE (RFC 9849, section 6.2) is meant
  // to look the same, and does: only who made the hello knows that it hides
  // nothing, and that the server name in it is the real one.
  CLIENT_HELLO_ECH_OUTER,
  CLIENT_HELLO_ECH_INNER,
};

enum { kClientHelloNameSize = 256 };

// What a ClientHello says. Pointers point into the bytes that were read.
struct client_hello {
  char server_name[kClientHelloNameSize];  // "" without SNI
  enum client_hello_ech ech;
  uint8_t ech_config_id;   // with CLIENT_HELLO_ECH_OUTER
  size_t ech_payload_len;  // likewise
  const uint8_t *alpn;     // ProtocolNameList without its own length; NULL
  size_t alpn_len;         // without the extension
  bool offers_tls13;
  bool offers_tls12;  // or lower
};

// client_hello_parse reads a handshake message: type, u24 length, body. False
// when it is not a well-formed ClientHello: octets missing or left over, an
// extension twice, or junk in one of those that are read here. A server name is
// one host_name of printable ASCII, so that it can be shown; whether it is a
// host name is not checked.
bool client_hello_parse(struct client_hello *out, const uint8_t *message,
                        size_t len);

#endif
