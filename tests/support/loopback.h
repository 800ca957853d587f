// loopback is the few lines of blocking sockets that peers and clients of the
// tests need. All descriptors are closed on exec.

#ifndef ECHPROXY_TESTS_SUPPORT_LOOPBACK_H
#define ECHPROXY_TESTS_SUPPORT_LOOPBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// loopback_listen returns a socket that listens on a free port of 127.0.0.1, or
// -1.
int loopback_listen(void);

// loopback_bind returns a socket that keeps a free port of 127.0.0.1 and does
// not listen, so that whoever connects is refused; or -1.
int loopback_bind(void);

// loopback_port returns the port that `fd` is bound to.
uint16_t loopback_port(int fd);

// loopback_free_port returns a port of 127.0.0.1 that nothing listens on just
// now, for programs that cannot pick one.
uint16_t loopback_free_port(void);

// loopback_connect connects to 127.0.0.1:`port`; it returns -1 when that fails.
int loopback_connect(uint16_t port);

// loopback_wait_for connects until 127.0.0.1:`port` answers, at most 10
// seconds.
bool loopback_wait_for(uint16_t port);

// loopback_send and loopback_recv move exactly `len` bytes. False: they could
// not.
bool loopback_send(int fd, const void *data, size_t len);
bool loopback_recv(int fd, void *data, size_t len);

// loopback_reset closes `fd` with a reset.
void loopback_reset(int fd);

#endif
