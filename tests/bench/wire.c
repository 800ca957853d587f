#include "wire.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "net/xalloc.h"

// What comes in with one recv, in records of any length, goes out in full ones
// with one send: room for it, and for the record that it completes.
enum { kOutBuffer = kWireBuffer + 2 * kTlsRecord };

// The BIO between BoringSSL and the loop's buffers.

static int bio_read(BIO *bio, char *out, int len) {
  struct conn *conn = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (len <= 0) {
    return 0;
  }
  if (conn->in_len == 0) {
    if (conn->ended) {
      return 0;
    }
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t n = (size_t)len < conn->in_len ? (size_t)len : conn->in_len;
  memcpy(out, conn->in, n);
  conn->in += n;
  conn->in_len -= n;
  return (int)n;
}

static void out_append(struct conn *conn, const uint8_t *data, size_t len);

static int bio_write(BIO *bio, const char *data, int len) {
  BIO_clear_retry_flags(bio);
  if (len > 0) {
    out_append(BIO_get_data(bio), (const uint8_t *)data, (size_t)len);
  }
  return len;
}

static long bio_ctrl(BIO *bio, int cmd, long larg, void *parg) {
  (void)bio;
  (void)larg;
  (void)parg;
  return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

// The loop.

// allow_descriptors raises the soft limit to the hard one.
static void allow_descriptors(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

void loop_init(struct loop *loop) {
  allow_descriptors();
  *loop = (struct loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
  loop->in = xrealloc(NULL, kWireBuffer);
  loop->out = xrealloc(NULL, kOutBuffer);
  loop->bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire");
  if (loop->epoll_fd < 0 || loop->bio_method == NULL ||
      !BIO_meth_set_read(loop->bio_method, bio_read) ||
      !BIO_meth_set_write(loop->bio_method, bio_write) ||
      !BIO_meth_set_ctrl(loop->bio_method, bio_ctrl)) {
    die("cannot make a loop");
  }
}

static void free_dead(struct loop *loop) {
  while (loop->dead != NULL) {
    struct conn *conn = loop->dead;
    loop->dead = conn->next_dead;
    if (conn->on_dead != NULL) {
      conn->on_dead(conn);
    }
  }
}

void loop_cleanup(struct loop *loop) {
  free_dead(loop);
  close(loop->epoll_fd);
  free(loop->in);
  free(loop->out);
  BIO_meth_free(loop->bio_method);
}

bool loop_add(struct loop *loop, struct watch *watch, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = watch};
  return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_run(struct loop *loop) {
  struct epoll_event events[64];
  while (!loop->stopped) {
    int num = epoll_wait(loop->epoll_fd, events, 64, -1);
    for (int i = 0; i < num; i++) {
      struct watch *watch = events[i].data.ptr;
      if (watch->fd >= 0) {
        watch->on_event(watch, events[i].events);
      }
    }
    free_dead(loop);
  }
}

void loop_every(struct loop *loop, struct watch *watch, uint64_t us) {
  struct timespec step = {(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
  struct itimerspec spec = {.it_interval = step, .it_value = step};
  if (watch->fd < 0) {
    watch->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    loop_add(loop, watch, EPOLLIN | EPOLLET);
  }
  timerfd_settime(watch->fd, 0, &spec, NULL);
}

void loop_signals(struct loop *loop, struct watch *watch) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  watch->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  loop_add(loop, watch, EPOLLIN);
}

int loop_signal(const struct watch *watch) {
  struct signalfd_siginfo info;
  return read(watch->fd, &info, sizeof(info)) == sizeof(info)
             ? (int)info.ssi_signo
             : 0;
}

// Connections.

enum { kConnEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | (int)EPOLLET };

static void send_pending(struct conn *conn) {
  ssize_t n =
      send(conn->watch.fd, conn->pending, conn->pending_len, MSG_NOSIGNAL);
  if (n < 0) {
    conn->err = errno == EAGAIN ? conn->err : errno;
    return;
  }
  conn->pending_off += (size_t)n;
  conn->pending_len -= (size_t)n;
  if (conn->pending_len == 0) {
    free(conn->pending);
    conn->pending = NULL;
    conn->pending_off = 0;
  }
}

static void on_conn_event(struct watch *watch, uint32_t events) {
  struct conn *conn = (struct conn *)watch;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    conn->hung_up = true;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
    conn->readable = true;
  }
  if ((events & EPOLLOUT) && conn->pending_len > 0) {
    send_pending(conn);
  }
  conn->on_ready(conn);
}

void conn_open(struct conn *conn, struct loop *loop, int fd,
               void (*on_ready)(struct conn *),
               void (*on_dead)(struct conn *)) {
  *conn = (struct conn){.watch = {fd, on_conn_event},
                        .loop = loop,
                        .on_ready = on_ready,
                        .on_dead = on_dead};
  if (!loop_add(loop, &conn->watch, (uint32_t)kConnEvents)) {
    die("cannot watch a connection: %s", strerror(errno));
  }
}

void conn_connect(struct conn *conn, struct loop *loop,
                  const struct endpoint *to, void (*on_ready)(struct conn *),
                  void (*on_dead)(struct conn *)) {
  int one = 1;
  int fd = socket(to->address.ss_family,
                  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0) {
    die("cannot make a socket: %s", strerror(errno));
  }
  int result = connect(fd, (const struct sockaddr *)&to->address, to->len);
  int err = result == 0 || errno == EINPROGRESS ? 0 : errno;
  conn_open(conn, loop, fd, on_ready, on_dead);
  conn->err = err;
}

void conn_start_tls(struct conn *conn, SSL *ssl) {
  BIO *bio = BIO_new(conn->loop->bio_method);
  if (ssl == NULL || bio == NULL) {
    die("cannot make a TLS session");
  }
  BIO_set_data(bio, conn);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_shed_handshake_config(ssl, 1);
  conn->ssl = ssl;
}

int conn_fill(struct conn *conn) {
  if (conn->in_len > 0) {
    return (int)conn->in_len;
  }
  ssize_t n = recv(conn->watch.fd, conn->loop->in, kWireBuffer, 0);
  if (n > 0) {
    conn->in = conn->loop->in;
    conn->in_len = (size_t)n;
    // A short read has emptied the socket; what comes later is a new event.
    conn->readable = n == kWireBuffer || conn->hung_up;
    return (int)n;
  }
  conn->readable = false;
  if (n == 0) {
    conn->ended = true;
    return CONN_END;
  }
  if (errno == EAGAIN) {
    return CONN_AGAIN;
  }
  conn->err = errno;
  return CONN_FAILED;
}

// result_of turns what an SSL function returned into CONN_...
static int result_of(struct conn *conn, int n) {
  switch (SSL_get_error(conn->ssl, n)) {
    case SSL_ERROR_WANT_READ:
      return CONN_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
      return CONN_END;
    case SSL_ERROR_SYSCALL:  // the BIO's end without a close_notify
      return conn->err == 0 && conn->ended ? CONN_END : CONN_FAILED;
    default:
      return CONN_FAILED;
  }
}

int conn_handshake(struct conn *conn) {
  int result = CONN_AGAIN;
  do {
    if (SSL_in_init(conn->ssl) && conn->in_len == 0 && conn->readable) {
      conn_fill(conn);
    }
    ERR_clear_error();
    int n = SSL_do_handshake(conn->ssl);
    result = n == 1 ? 1 : result_of(conn, n);
  } while (result == CONN_AGAIN && conn->readable && conn->err == 0);
  conn_flush(conn);
  return result == CONN_END || conn->err != 0 ? CONN_FAILED : result;
}

static int read_plain(struct conn *conn, uint8_t *out, size_t len) {
  if (conn->in_len == 0) {
    return conn->ended ? CONN_END : CONN_AGAIN;
  }
  size_t n = len < conn->in_len ? len : conn->in_len;
  memcpy(out, conn->in, n);
  conn->in += n;
  conn->in_len -= n;
  return (int)n;
}

int conn_read(struct conn *conn, uint8_t *out, size_t len) {
  int result;
  if (conn->err != 0) {
    return CONN_FAILED;
  }
  if (conn->ssl == NULL) {
    result = read_plain(conn, out, len);
  } else {
    ERR_clear_error();
    int n = SSL_read(conn->ssl, out, (int)len);
    result = n > 0 ? n : result_of(conn, n);
  }
  if (conn->in_len == 0 && conn->kept != NULL) {
    free(conn->kept);
    conn->kept = NULL;
  }
  return result;
}

void conn_keep(struct conn *conn) {
  if (conn->in_len > 0 && conn->kept == NULL) {
    conn->kept = xmemdup(conn->in, conn->in_len);
    conn->in = conn->kept;
  }
}

void conn_come_back(struct conn *conn) {
  struct epoll_event event = {.events = (uint32_t)kConnEvents,
                              .data.ptr = &conn->watch};
  epoll_ctl(conn->loop->epoll_fd, EPOLL_CTL_MOD, conn->watch.fd, &event);
}

static void pend(struct conn *conn, const uint8_t *data, size_t len) {
  size_t used = conn->pending_off + conn->pending_len;
  conn->pending = xrealloc(conn->pending, used + len);
  memcpy(conn->pending + used, data, len);
  conn->pending_len += len;
}

// send_now sends `data`, and keeps as pending what finds no room.
static void send_now(struct conn *conn, const uint8_t *data, size_t len) {
  ssize_t n = 0;
  if (conn->pending_len == 0) {
    n = send(conn->watch.fd, data, len, MSG_NOSIGNAL);
  }
  if (n < 0 && errno != EAGAIN) {
    conn->err = errno;
    return;
  }
  size_t sent = n < 0 ? 0 : (size_t)n;
  if (sent < len) {
    pend(conn, data + sent, len - sent);
  }
}

void conn_flush(struct conn *conn) {
  struct loop *loop = conn->loop;
  if (loop->out_owner == conn && loop->out_len > 0) {
    size_t len = loop->out_len;
    loop->out_len = 0;
    send_now(conn, loop->out, len);
  }
}

static void out_append(struct conn *conn, const uint8_t *data, size_t len) {
  struct loop *loop = conn->loop;
  if (loop->out_owner != NULL &&
      (loop->out_owner != conn || loop->out_len + len > kOutBuffer)) {
    conn_flush(loop->out_owner);
  }
  loop->out_owner = conn;
  if (len > kOutBuffer) {
    send_now(conn, data, len);
    return;
  }
  memcpy(loop->out + loop->out_len, data, len);
  loop->out_len += len;
}

bool conn_write(struct conn *conn, const uint8_t *data, size_t len) {
  if (conn->ssl != NULL) {
    ERR_clear_error();
    return SSL_write(conn->ssl, data, (int)len) == (int)len && conn->err == 0;
  }
  if (len < kTlsRecord) {
    out_append(conn, data, len);
  } else {
    conn_flush(conn);
    send_now(conn, data, len);
  }
  return conn->err == 0;
}

const char *conn_error(const struct conn *conn, char *text, size_t len) {
  uint32_t code = ERR_peek_error();
  if (conn->err != 0) {
    snprintf(text, len, "%s", strerror(conn->err));
  } else if (code != 0) {
    ERR_error_string_n(code, text, len);
  } else {
    snprintf(text, len, "the peer ended the connection");
  }
  return text;
}

void conn_close(struct conn *conn) {
  if (conn->watch.fd < 0) {
    return;
  }
  conn_flush(conn);
  if (conn->loop->out_owner == conn) {
    conn->loop->out_owner = NULL;
  }
  close(conn->watch.fd);
  conn->watch.fd = -1;
  SSL_free(conn->ssl);
  free(conn->kept);
  free(conn->pending);
  conn->ssl = NULL;
  conn->kept = conn->pending = NULL;
  conn->in_len = conn->pending_len = 0;
  conn->next_dead = conn->loop->dead;
  conn->loop->dead = conn;
}
