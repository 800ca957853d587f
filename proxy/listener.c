#include "proxy/listener.h"

#include <uv.h>

#include "net/tcp.h"
#include "net/xalloc.h"
#include "proxy/client.h"

enum { kBacklog = 1024, kPauseMs = 100 };

struct listener {
  struct proxy *proxy;
  uv_tcp_t socket;
  uv_timer_t pause;  // active while a connection waits for others to end
  size_t max_connections;
  bool complained;  // that there are too many: once is enough
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
  if (l->proxy->num_connections < l->max_connections) {
    uv_timer_stop(timer);
    accept_one(l);
  }
}

// libuv asks the kernel for no further connection until this one is accepted.
static void start_pause(struct listener *l) {
  if (!l->complained) {
    log_error(l->proxy->log,
              "%zu connections are open, as many as there may be: new ones "
              "wait; a higher limit of open files (ulimit -n) lets in more",
              l->proxy->num_connections);
    l->complained = true;
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
    if (!l->complained) {
      log_error(l->proxy->log, "a connection could not be accepted: %s",
                uv_strerror(status));
      l->complained = true;
    }
    return;
  }
  if (l->proxy->num_connections >= l->max_connections) {
    start_pause(l);
    return;
  }
  accept_one(l);
}

struct listener *listener_open(struct proxy *proxy, struct address *out_bound,
                               int *out_err, const struct address *address,
                               size_t max_connections) {
  struct listener *l = xcalloc(1, sizeof(*l));
  struct sockaddr_storage sa;
  int sa_len = sizeof(sa);
  l->proxy = proxy;
  l->max_connections = max_connections;
  uv_tcp_init(worker_loop(proxy->worker), &l->socket);
  uv_timer_init(worker_loop(proxy->worker), &l->pause);
  l->socket.data = l;
  l->pause.data = l;
  address_to_sockaddr(&sa, address);
  int err = uv_tcp_bind(&l->socket, (const struct sockaddr *)&sa, 0);
  if (err == 0) {
    err = uv_listen((uv_stream_t *)&l->socket, kBacklog, on_connection);
  }
  if (err == 0) {
    err = uv_tcp_getsockname(&l->socket, (struct sockaddr *)&sa, &sa_len);
  }
  if (err != 0 ||
      !address_from_sockaddr(out_bound, (const struct sockaddr *)&sa)) {
    *out_err = err;
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
