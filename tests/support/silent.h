// silent is a listening socket that answers no connection, as an address does
// that drops what is sent to it: its queue is full.

#ifndef ECHPROXY_TESTS_SUPPORT_SILENT_H
#define ECHPROXY_TESTS_SUPPORT_SILENT_H

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/address.h"

struct silent {
  int fds[6];
  struct address address;
};

static inline void silent_open(struct silent *s) {
  cr_assert(address_from_ip(&s->address, "127.0.0.1", 0));
  struct sockaddr_storage sa;
  socklen_t len = address_to_sockaddr(&sa, &s->address);
  s->fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(s->fds[0], (struct sockaddr *)&sa, len), 0);
  cr_assert_eq(listen(s->fds[0], 0), 0);
  getsockname(s->fds[0], (struct sockaddr *)&sa, &len);
  cr_assert(address_from_sockaddr(&s->address, (struct sockaddr *)&sa));
  for (int i = 1; i < 6; i++) {
    s->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    connect(s->fds[i], (struct sockaddr *)&sa, len);
  }
}

static inline void silent_close(struct silent *s) {
  for (int i = 0; i < 6; i++) {
    close(s->fds[i]);
  }
}

#endif
