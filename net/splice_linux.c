#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>
#include <uv.h>

#include "net/splice.h"
#include "net/xalloc.h"

struct splice_pipe {
  int read_fd;
  int write_fd;
  size_t len;
  struct splice_pipe *next;
};

static void pipe_free(struct splice_pool *pool, struct splice_pipe *pipe) {
  close(pipe->read_fd);
  close(pipe->write_fd);
  free(pipe);
  pool->num_pipes--;
}

static bool is_full(const struct splice_pool *pool) {
  unsigned max = pool->max_pipes != 0 ? pool->max_pipes : kSpliceMaxPipes;
  return pool->num_pipes >= max;
}

static struct splice_pipe *pipe_new(struct splice_pool *pool) {
  int fds[2];
  if (is_full(pool) || pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) {
    return NULL;
  }
  // A pipe has room for so many packets rather than bytes, so a small one ends
  // up with few. When the user has too many pipes, this one stays as it is.
  fcntl(fds[1], F_SETPIPE_SZ, kSpliceSize);
  struct splice_pipe *pipe = xcalloc(1, sizeof *pipe);
  pipe->read_fd = fds[0];
  pipe->write_fd = fds[1];
  pool->num_pipes++;
  return pipe;
}

static struct splice_pipe *pipe_take(struct splice_pool *pool) {
  struct splice_pipe *pipe = pool->spare;
  if (pipe == NULL) {
    return pipe_new(pool);
  }
  LL_DELETE(pool->spare, pipe);
  pool->num_spare--;
  return pipe;
}

void splice_pool_cleanup(struct splice_pool *pool) {
  while (pool->spare != NULL) {
    pipe_free(pool, pipe_take(pool));
  }
  assert(pool->num_pipes == 0);
}

// Moves at most `len` bytes; returns how many, or -1 with errno.
static ssize_t move(int from, int to, size_t len) {
  ssize_t n;
  do {
    n = splice(from, NULL, to, NULL, len, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (n < 0 && errno == EINTR);
  return n;
}

// What says of a socket only that it cannot be spliced, or not now.
static bool is_for_read(int error) {
  return error == EAGAIN || error == EINVAL || error == ENOMEM;
}

struct splice_pipe *splice_in(struct splice_pool *pool, int fd, int *out_err) {
  *out_err = 0;
  struct splice_pipe *pipe = pipe_take(pool);
  if (pipe == NULL) {
    return NULL;
  }
  ssize_t n = move(fd, pipe->write_fd, kSpliceSize);
  if (n > 0) {
    pipe->len = (size_t)n;
    return pipe;
  }
  if (n < 0 && !is_for_read(errno)) {
    *out_err = -errno;
  }
  splice_done(pool, pipe);
  return NULL;
}

int splice_out(struct splice_pipe *pipe, int fd) {
  while (pipe->len > 0) {
    ssize_t n = move(pipe->read_fd, fd, pipe->len);
    if (n <= 0) {
      return n == 0 || errno == EAGAIN ? 0 : -errno;
    }
    pipe->len -= (size_t)n;
  }
  return 0;
}

size_t splice_len(const struct splice_pipe *pipe) {
  return pipe == NULL ? 0 : pipe->len;
}

void splice_read(struct splice_pipe *pipe, uint8_t *out, size_t len) {
  assert(len <= pipe->len);
  while (len > 0) {
    ssize_t n = read(pipe->read_fd, out, len);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {  // the pipe has these bytes, and nobody else reads it
      abort();
    }
    out += n;
    len -= (size_t)n;
    pipe->len -= (size_t)n;
  }
}

void splice_done(struct splice_pool *pool, struct splice_pipe *pipe) {
  if (pipe == NULL) {
    return;
  }
  if (pipe->len > 0 || pool->num_spare >= kSpliceMaxSpare) {
    pipe_free(pool, pipe);
    return;
  }
  LL_PREPEND(pool->spare, pipe);
  pool->num_spare++;
}
