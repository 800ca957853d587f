#include "proxy/service_manager.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy/command_line.h"

enum { kFirstPassed = 3, kMaxPid = 0x7fffffff };

static bool number_of(long *out, const char *variable, long min, long max) {
  const char *text = getenv(variable);
  return text != NULL && command_line_number(out, text, min, max);
}

// What is meant for another process, one that started us, is not for us.
static long num_passed(void) {
  long pid = 0;
  long num = 0;
  bool is_ours = number_of(&pid, "LISTEN_PID", 1, kMaxPid) &&
                 (pid_t)pid == getpid() &&
                 number_of(&num, "LISTEN_FDS", 0, kMaxPid - kFirstPassed);
  unsetenv("LISTEN_PID");
  unsetenv("LISTEN_FDS");
  unsetenv("LISTEN_FDNAMES");
  return is_ours ? num : 0;
}

static int int_option(int fd, int name) {
  int value = 0;
  socklen_t len = sizeof(value);
  return getsockopt(fd, SOL_SOCKET, name, &value, &len) == 0 ? value : -1;
}

static bool listens_for_tcp(int fd, struct address *out) {
  struct sockaddr_storage sa = {0};
  socklen_t len = sizeof(sa);
  return int_option(fd, SO_TYPE) == SOCK_STREAM &&
         int_option(fd, SO_ACCEPTCONN) == 1 &&
         getsockname(fd, (struct sockaddr *)&sa, &len) == 0 &&
         address_from_sockaddr(out, (const struct sockaddr *)&sa);
}

static bool take(struct service_sockets *out, struct key_error *out_error,
                 int fd) {
  struct address *address = &out->addresses[out->num];
  if (!listens_for_tcp(fd, address)) {
    key_error_set(out_error,
                  "descriptor %d, which the service manager passed, does not "
                  "listen for TCP connections: write "
                  "ListenStream=127.0.0.1:8450 in the .socket unit, and not "
                  "Accept=yes",
                  fd);
    return false;
  }
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  out->fds[out->num++] = fd;
  return true;
}

bool service_manager_sockets(struct service_sockets *out,
                             struct key_error *out_error) {
  out->num = 0;
  long num = num_passed();
  if (num > kServiceManagerMaxSockets) {
    key_error_set(out_error,
                  "the service manager passed %ld sockets, and %d are the most "
                  "that can be used",
                  num, kServiceManagerMaxSockets);
    return false;
  }
  for (int i = 0; i < (int)num; i++) {
    if (!take(out, out_error, kFirstPassed + i)) {
      return false;
    }
  }
  return true;
}

bool service_manager_check(const struct service_sockets *sockets,
                           struct key_error *out_error) {
  char text[kAddressTextSize];
  for (size_t i = 0; i < sockets->num; i++) {
    if (!address_is_loopback(&sockets->addresses[i])) {
      key_error_set(out_error,
                    "the service manager passed a socket at %s: the proxy lets "
                    "in whoever can reach it, so set users = FILE, names with "
                    "passwords, or write ListenStream= with an address of "
                    "127.0.0.0/8 or [::1] in the .socket unit",
                    address_format(text, &sockets->addresses[i]));
      return false;
    }
  }
  return true;
}

// A name that begins with @ is one of the abstract namespace, and there begins
// with a zero.
static bool find_listener(struct sockaddr_un *out, socklen_t *out_len) {
  const char *path = getenv("NOTIFY_SOCKET");
  size_t len = path == NULL ? 0 : strlen(path);
  if (len < 2 || len >= sizeof(out->sun_path) ||
      (path[0] != '/' && path[0] != '@')) {
    return false;
  }
  *out = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(out->sun_path, path, len);
  if (path[0] == '@') {
    out->sun_path[0] = '\0';
  }
  *out_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
  return true;
}

void service_manager_say(const char *state) {
  struct sockaddr_un listener;
  socklen_t len;
  if (!find_listener(&listener, &len)) {
    return;
  }
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    // It must not wait: the event loop does, meanwhile.
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&listener, len);
    close(fd);
  }
}
