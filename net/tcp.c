#include "net/tcp.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "net/stream_impl.h"
#include "net/xalloc.h"

// libuv reads a socket up to 32 times before it looks at the next one, so that
// whoever downloads much would make all others wait for megabytes.
enum { kMaxReadsAtOnce = 4 };

struct tcp {
  struct stream base;  // first, so that the two convert into each other
  uv_tcp_t handle;
  uv_shutdown_t shutdown;
  bool wanted;        // bytes may come; else the next to come stop the reading
  size_t num_writes;  // of struct tcp_write, not yet called back
  // What was spliced to here and does not fit yet; NULL: nothing.
  struct splice_pipe *pipe;
  unsigned num_full_reads;  // that came one after the other
  // What splicing from here came to: between on_alloc and its on_read.
  size_t num_moved;
  int splice_err;
};

// What the kernel did not take at once.
struct tcp_write {
  uv_write_t req;
  struct tcp *tcp;
  uint8_t data[];
};

static struct tcp *tcp_of(struct stream *s) { return (struct tcp *)s; }

static uv_stream_t *uv_of(struct tcp *t) { return (uv_stream_t *)&t->handle; }

static void on_tcp_closed(uv_handle_t *handle) { free(handle->data); }

static void tcp_close(struct stream *s) {
  struct tcp *t = tcp_of(s);
  splice_done(worker_pipes(s->worker), t->pipe);
  uv_close((uv_handle_t *)&t->handle, on_tcp_closed);
}

// Splicing: libuv asks for memory when there is something to read, and takes it
// well to be given none. So that is the moment to move bytes without memory.

static uv_os_fd_t fd_of(const struct tcp *t) {
  uv_os_fd_t fd = -1;
  uv_fileno((const uv_handle_t *)&t->handle, &fd);
  return fd;
}

// A sink that holds bytes already, or takes none, is left to on_data's owner.
static bool may_splice(const struct tcp *t) {
  const struct stream *sink = t->base.sink;
  return sink != NULL && stream_is_flowing(&t->base) && !sink->dead &&
         !sink->shut && sink->output_err == 0 && stream_pending(sink) == 0;
}

static void push_pipe(struct tcp *t);

static void splice_to_sink(struct tcp *t) {
  struct tcp *sink = tcp_of(t->base.sink);
  sink->pipe =
      splice_in(worker_pipes(t->base.worker), fd_of(t), &t->splice_err);
  if (sink->pipe != NULL) {
    t->num_moved = splice_len(sink->pipe);
    push_pipe(sink);
  }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct tcp *t = handle->data;
  if (may_splice(t)) {
    splice_to_sink(t);
  }
  if (!t->wanted || t->num_moved > 0 || t->splice_err != 0 ||
      t->num_full_reads == kMaxReadsAtOnce) {
    *buf = uv_buf_init(NULL, 0);
    return;
  }
  *buf =
      uv_buf_init((char *)worker_read_buffer(t->base.worker), kWorkerReadSize);
}

static void read_end(struct tcp *t, int err) {
  uv_read_stop(uv_of(t));
  stream_emit_end(&t->base, err);
}

// on_no_memory follows where on_alloc gave none.
static void on_no_memory(struct tcp *t) {
  size_t moved = t->num_moved;
  t->num_moved = 0;
  t->num_full_reads = 0;
  if (!t->wanted) {
    uv_read_stop(uv_of(t));
  } else if (t->splice_err != 0) {
    read_end(t, t->splice_err);
  } else if (moved > 0) {
    stream_emit_moved(&t->base, moved);
  }
}

static void on_read(uv_stream_t *handle, ssize_t nread, const uv_buf_t *buf) {
  struct tcp *t = handle->data;
  if (t->base.closed || nread == 0) {  // 0 is libuv's EAGAIN
    return;
  }
  if (nread > 0) {
    bool full = (size_t)nread == buf->len;
    t->num_full_reads = full ? t->num_full_reads + 1 : 0;
    stream_emit_data(&t->base, (const uint8_t *)buf->base, (size_t)nread);
  } else if (nread == UV_ENOBUFS && buf->base == NULL) {
    on_no_memory(t);
  } else {
    read_end(t, nread == UV_EOF ? 0 : (int)nread);
  }
}

// Most pauses are over before anything comes, as between the messages of a
// handshake. So it is only then that the kernel is told.
static void tcp_want(struct stream *s, bool on) {
  struct tcp *t = tcp_of(s);
  t->wanted = on;
  if (!on) {
    return;
  }
  int err = uv_read_start(uv_of(t), on_alloc, on_read);
  if (err != 0 && err != UV_EALREADY) {
    stream_fail(s, err);
  }
}

// A connection that its peer has reset has no more to read than what the kernel
// holds already. After any other failure it might go on for ever.
static void fail_write(struct tcp *t, int err) {
  if (err == UV_EPIPE || err == UV_ECONNRESET) {
    stream_fail_output(&t->base, err);
  } else {
    stream_fail(&t->base, err);
  }
}

static bool has_unsent(const struct tcp *t) {
  return t->num_writes > 0 || t->pipe != NULL;
}

static void on_written(uv_write_t *req, int status) {
  struct tcp_write *write = req->data;
  struct tcp *t = write->tcp;
  free(write);
  t->num_writes--;
  if (t->base.closed) {  // whatever the status says
    return;
  }
  if (status != 0) {
    fail_write(t, status);
    return;
  }
  if (t->num_writes == 0 && t->pipe != NULL) {
    push_pipe(t);
  }
  if (!has_unsent(t)) {
    stream_emit_drained(&t->base);
  }
}

static struct tcp_write *write_new(struct tcp *t, size_t len) {
  struct tcp_write *write = xrealloc(NULL, sizeof(*write) + len);
  write->tcp = t;
  write->req.data = write;
  return write;
}

// Sends the `len` bytes of `write` when the kernel has room for them.
static void write_later(struct tcp *t, struct tcp_write *write, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)write->data, (unsigned)len);
  int err = uv_write(&write->req, uv_of(t), &buf, 1, on_written);
  if (err != 0) {
    free(write);
    stream_fail(&t->base, err);
    return;
  }
  t->num_writes++;
}

static void write_from_pipe(struct tcp *t, size_t len) {
  struct tcp_write *write = write_new(t, len);
  splice_read(t->pipe, write->data, len);
  write_later(t, write, len);
}

static void drop_pipe(struct tcp *t) {
  splice_done(worker_pipes(t->base.worker), t->pipe);
  t->pipe = NULL;
}

// Hands on what is in the pipe. When the kernel takes no more of it for now,
// its first byte becomes a write like any other, and tells when there is room.
static void push_pipe(struct tcp *t) {
  int err = splice_out(t->pipe, fd_of(t));
  if (err == 0 && splice_len(t->pipe) > 0) {
    write_from_pipe(t, 1);
  }
  if (err != 0 || splice_len(t->pipe) == 0) {
    drop_pipe(t);
  }
  if (err != 0) {
    fail_write(t, err);
  }
}

// Makes way for what comes after the bytes in the pipe.
static void empty_pipe(struct tcp *t) {
  if (t->pipe != NULL) {
    write_from_pipe(t, splice_len(t->pipe));
    drop_pipe(t);
  }
}

// Returns how many of the bytes the kernel took.
static size_t write_now(struct tcp *t, const uint8_t *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
  int n = uv_try_write(uv_of(t), &buf, 1);
  if (n < 0 && n != UV_EAGAIN) {
    fail_write(t, n);
  }
  return n < 0 ? 0 : (size_t)n;
}

static void tcp_write(struct stream *s, const uint8_t *data, size_t len) {
  struct tcp *t = tcp_of(s);
  assert(len <= INT_MAX);
  empty_pipe(t);
  size_t taken = t->num_writes == 0 ? write_now(t, data, len) : 0;
  if (taken < len && !s->dead && s->output_err == 0) {
    struct tcp_write *write = write_new(t, len - taken);
    memcpy(write->data, data + taken, len - taken);
    write_later(t, write, len - taken);
  }
}

static size_t tcp_pending(const struct stream *s) {
  const struct tcp *t = (const struct tcp *)s;
  return uv_stream_get_write_queue_size((const uv_stream_t *)&t->handle) +
         splice_len(t->pipe);
}

// A FIN that could not be sent shows up as an error of reading.
static void on_shutdown(uv_shutdown_t *req, int status) {
  (void)req;
  (void)status;
}

static void tcp_shutdown(struct stream *s, bool whole) {
  (void)whole;  // a FIN is all that there is
  struct tcp *t = tcp_of(s);
  empty_pipe(t);
  uv_shutdown(&t->shutdown, uv_of(t), on_shutdown);
}

static const struct stream_ops kTcpOps = {
    .want = tcp_want,
    .write = tcp_write,
    .pending = tcp_pending,
    .shutdown = tcp_shutdown,
    .splices = true,
    .close = tcp_close,
};

static struct tcp *tcp_new(struct worker *worker) {
  struct tcp *t = xcalloc(1, sizeof(*t));
  stream_init(&t->base, &kTcpOps, worker);
  int err = uv_tcp_init(worker_loop(worker), &t->handle);
  assert(err == 0);  // no socket is made yet, so nothing can fail
  (void)err;
  t->handle.data = t;
  return t;
}

struct stream *tcp_accept(struct worker *worker, uv_stream_t *server,
                          int *out_err) {
  struct tcp *t = tcp_new(worker);
  int err = uv_accept(server, uv_of(t));
  if (err == 0) {
    // Fails only when the peer is gone already, which reading will tell.
    uv_tcp_nodelay(&t->handle, 1);
    return &t->base;
  }
  *out_err = err;
  stream_close(&t->base);
  return NULL;
}

// Makes ::ffff:192.0.2.1 what it stands for (RFC 4291, section 2.5.5.2).
static void unmap(struct address *address) {
  static const uint8_t kMapped[12] = {[10] = 0xff, [11] = 0xff};
  if (address->is_ipv6 && memcmp(address->ip, kMapped, sizeof(kMapped)) == 0) {
    memmove(address->ip, address->ip + 12, 4);
    memset(address->ip + 4, 0, 12);
    address->is_ipv6 = false;
  }
}

static bool read_end_address(const struct tcp *t, struct address *out,
                             int (*get)(const uv_tcp_t *handle,
                                        struct sockaddr *name, int *len)) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  if (get(&t->handle, (struct sockaddr *)&sa, &len) != 0 ||
      !address_from_sockaddr(out, (const struct sockaddr *)&sa)) {
    return false;
  }
  unmap(out);
  return true;
}

bool tcp_ends(const struct stream *stream, struct address *out_peer,
              struct address *out_local) {
  assert(stream->ops == &kTcpOps);
  const struct tcp *t = (const struct tcp *)stream;
  return read_end_address(t, out_peer, uv_tcp_getpeername) &&
         read_end_address(t, out_local, uv_tcp_getsockname);
}

struct tcp_connect {
  uv_connect_t req;
  struct tcp *tcp;  // NULL when it failed before it began
  struct worker *worker;
  struct task task;      // tells of a failure before it began
  int err;               // which one
  tcp_connect_cb *done;  // NULL when cancelled
  void *owner;
};

static void connect_fail(struct tcp_connect *c, int err) {
  tcp_connect_cb *done = c->done;
  void *owner = c->owner;
  free(c);
  done(owner, err, NULL);
}

static void on_connect(uv_connect_t *req, int status) {
  struct tcp_connect *c = req->data;
  if (c->done == NULL) {  // cancelled, and the socket closed with it
    free(c);
    return;
  }
  if (status != 0) {
    stream_close(&c->tcp->base);
    connect_fail(c, status);
    return;
  }
  tcp_connect_cb *done = c->done;
  void *owner = c->owner;
  struct stream *stream = &c->tcp->base;
  free(c);
  done(owner, 0, stream);
}

static void on_connect_impossible(void *owner) {
  struct tcp_connect *c = owner;
  connect_fail(c, c->err);
}

struct tcp_connect *tcp_connect_start(struct worker *worker,
                                      const struct address *address,
                                      tcp_connect_cb *done, void *owner) {
  struct tcp_connect *c = xcalloc(1, sizeof(*c));
  c->req.data = c;
  c->worker = worker;
  c->done = done;
  c->owner = owner;
  c->tcp = tcp_new(worker);
  uv_tcp_nodelay(&c->tcp->handle, 1);  // kept until there is a socket
  struct sockaddr_storage sa;
  address_to_sockaddr(&sa, address);
  c->err = uv_tcp_connect(&c->req, &c->tcp->handle,
                          (const struct sockaddr *)&sa, on_connect);
  if (c->err != 0) {
    stream_close(&c->tcp->base);
    c->tcp = NULL;
    worker_defer(worker, &c->task, on_connect_impossible, c);
  }
  return c;
}

void tcp_connect_cancel(struct tcp_connect *c) {
  if (c == NULL) {
    return;
  }
  if (c->tcp == NULL) {
    worker_undefer(c->worker, &c->task);
    free(c);
    return;
  }
  c->done = NULL;
  stream_close(&c->tcp->base);  // on_connect runs once more and frees `c`
}
