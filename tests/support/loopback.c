#include "support/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in loopback_address(uint16_t port) {
  return (struct sockaddr_in){
      .sin_family = AF_INET,
      .sin_port = htons(port),
      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
  };
}

int loopback_bind(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback_address(0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

int loopback_listen(void) {
  int fd = loopback_bind();
  if (fd >= 0 && listen(fd, 1024) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

uint16_t loopback_port(int fd) {
  struct sockaddr_in address = {0};
  socklen_t len = sizeof(address);
  getsockname(fd, (struct sockaddr *)&address, &len);
  return ntohs(address.sin_port);
}

uint16_t loopback_free_port(void) {
  int fd = loopback_listen();
  uint16_t port = loopback_port(fd);
  close(fd);
  return port;
}

int loopback_connect(uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback_address(port);
  if (fd >= 0 &&
      connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
    close(fd);
    return -1;
  }
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  return fd;
}

bool loopback_wait_for(uint16_t port) {
  time_t give_up = time(NULL) + 10;
  while (time(NULL) < give_up) {
    int fd = loopback_connect(port);
    if (fd >= 0) {
      close(fd);
      return true;
    }
    poll(NULL, 0, 20);
  }
  return false;
}

bool loopback_send(int fd, const void *data, size_t len) {
  const char *next = data;
  while (len > 0) {
    ssize_t sent = send(fd, next, len, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    next += sent;
    len -= (size_t)sent;
  }
  return true;
}

bool loopback_recv(int fd, void *data, size_t len) {
  char *next = data;
  while (len > 0) {
    ssize_t got = recv(fd, next, len, 0);
    if (got <= 0) {
      return false;
    }
    next += got;
    len -= (size_t)got;
  }
  return true;
}

void loopback_reset(int fd) {
  struct linger linger = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
  close(fd);
}
