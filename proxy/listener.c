#include "proxy/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "net/tcp.h"
#include "net/xalloc.h"
#include "proxy/client.h"

enum { kBacklog = 1024, kPauseMs = 100 };

struct listener {
  struct proxy *proxy;
  uv_tcp_t socket;
  uv_timer_t pause;  // active while a connection waits for others to end
};

static void accept_one(struct listener *l) {
  int err;
  struct stream *browser =
      tcp_accept(l->proxy->worker, (uv_stream_t *)&l->socket, &err);
  if (browser != NULL) {
    client_open(l->proxy, browser);
  }
}

static void on_pause(uv_timer_t *timer) {
  struct listener *l = timer->data;
  if (!proxy_is_full(l->proxy)) {
    uv_timer_stop(timer);
    accept_one(l);
  }
}

// Says whether the one complaint of all listeners is still to be made.
static bool may_complain(struct listener *l) {
  return !atomic_exchange(&l->proxy->limit->complained, true);
}

// libuv asks the kernel for no further connection until this one is accepted.
static void start_pause(struct listener *l) {
  if (may_complain(l)) {
    log_error(l->proxy->log,
              "%zu connections are open, as many as there may be: new ones "
              "wait; a higher limit of open files (ulimit -n) lets in more",
              l->proxy->limit->max_connections);
  }
  uv_timer_start(&l->pause, on_pause, kPauseMs, kPauseMs);
}

static void on_connection(uv_stream_t *socket, int status) {
  struct listener *l = socket->data;
  if (uv_is_closing((uv_handle_t *)socket)) {
    return;
  }
  if (status != 0) {
    // Not for want of files, which the limit sees to: libuv then drops the
    // connection itself. The others end with the one connection.
    if (may_complain(l)) {
      log_error(l->proxy->log, "a connection could not be accepted: %s",
                uv_strerror(status));
    }
    return;
  }
  if (proxy_is_full(l->proxy)) {
    start_pause(l);
    return;
  }
  accept_one(l);
}

static struct listener *listener_new(struct proxy *proxy) {
  struct listener *l = xcalloc(1, sizeof(*l));
  l->proxy = proxy;
  uv_tcp_init(worker_loop(proxy->worker), &l->socket);
  uv_timer_init(worker_loop(proxy->worker), &l->pause);
  l->socket.data = l;
  l->pause.data = l;
  return l;
}

static int start_listening(struct listener *l, const struct address *address) {
  struct sockaddr_storage sa;
  address_to_sockaddr(&sa, address);
  int err = uv_tcp_bind(&l->socket, (const struct sockaddr *)&sa, 0);
  return err != 0
             ? err
             : uv_listen((uv_stream_t *)&l->socket, kBacklog, on_connection);
}

static int get_address(const struct listener *l, struct address *out) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  int err = uv_tcp_getsockname(&l->socket, (struct sockaddr *)&sa, &len);
  if (err == 0 && !address_from_sockaddr(out, (const struct sockaddr *)&sa)) {
    err = UV_EAFNOSUPPORT;
  }
  return err;
}

struct listener *listener_open(struct proxy *proxy, struct address *out_bound,
                               int *out_err, const struct address *address) {
  struct listener *l = listener_new(proxy);
  *out_err = start_listening(l, address);
  if (*out_err == 0) {
    *out_err = get_address(l, out_bound);
  }
  if (*out_err != 0) {
    listener_close(l);
    return NULL;
  }
  return l;
}

// Lets other sockets of this user that allow it too have the address of `fd`.
static int allow_sharing(int fd) {
  int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0
             ? 0
             : uv_translate_sys_error(errno);
}

static int open_sharing_socket(struct listener *l, int family) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return uv_translate_sys_error(errno);
  }
  int err = allow_sharing(fd);
  if (err == 0) {
    err = uv_tcp_open(&l->socket, fd);
  }
  if (err != 0) {
    close(fd);
  }
  return err;
}

// `first` listened before it shared, so nobody else did; and whoever wants the
// address to himself from now on, as `first` did, cannot have it.
static int listen_beside(struct listener *l, const struct listener *first,
                         const struct address *address) {
  uv_os_fd_t fd;
  int err = uv_fileno((const uv_handle_t *)&first->socket, &fd);
  if (err == 0) {
    err = allow_sharing(fd);
  }
  if (err == 0) {
    err = open_sharing_socket(l, address->is_ipv6 ? AF_INET6 : AF_INET);
  }
  return err != 0 ? err : start_listening(l, address);
}

struct listener *listener_open_beside(struct proxy *proxy, int *out_err,
                                      const struct listener *first) {
  struct listener *l = listener_new(proxy);
  struct address address;
  *out_err = get_address(first, &address);
  if (*out_err == 0) {
    *out_err = listen_beside(l, first, &address);
  }
  if (*out_err != 0) {
    listener_close(l);
    return NULL;
  }
  return l;
}

static void on_pause_closed(uv_handle_t *handle) { free(handle->data); }

static void on_socket_closed(uv_handle_t *handle) {
  struct listener *l = handle->data;
  uv_close((uv_handle_t *)&l->pause, on_pause_closed);
}

void listener_close(struct listener *l) {
  if (l == NULL) {
    return;
  }
  uv_timer_stop(&l->pause);
  uv_close((uv_handle_t *)&l->socket, on_socket_closed);
}
