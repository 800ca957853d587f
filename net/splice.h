// splice carries bytes from one socket to another within the kernel, through a
// pipe, so that they are never copied into this process. splice_linux.c does
// it; where the system cannot (splice_none.c), no bytes go this way and the
// caller reads and writes them as usual.
//
// A pipe belongs to somebody only while it holds bytes. An idle connection has
// none.

#ifndef ECHPROXY_NET_SPLICE_H
#define ECHPROXY_NET_SPLICE_H

#include <stddef.h>
#include <stdint.h>

enum {
  // What one call of splice_in takes at most, and how large a pipe is made. It
  // counts against what the kernel allows the user in pipes.
  kSpliceSize = 256 * 1024,
  // Pipes of one pool at one time, spare ones among them. Who wants one more
  // copies.
  kSpliceMaxPipes = 128,
  kSpliceMaxSpare = 4,
};

struct splice_pipe;

// splice_pool is the pipes of one worker. It is embedded, zero at first, but
// for `max_pipes`, which its owner may set.
struct splice_pool {
  struct splice_pipe *spare;
  unsigned num_spare;
  unsigned num_pipes;  // that exist
  unsigned max_pipes;  // fewer than kSpliceMaxPipes; 0: as many
};

// splice_pool_cleanup closes the spare pipes. No other may be in use.
void splice_pool_cleanup(struct splice_pool *pool);

// splice_in takes what waits at the socket `fd` and returns the pipe that holds
// it, released with splice_done. Otherwise it returns NULL, and either sets
// `out_err` to the socket's error, a libuv code that is told only once, or to 0
// when read() is to be asked: nothing waits, the peer has finished, or no pipe
// is to be had.
struct splice_pipe *splice_in(struct splice_pool *pool, int fd, int *out_err);

// splice_out hands on what the socket `fd` takes now. It returns 0, or the
// libuv error of a socket that takes no more.
int splice_out(struct splice_pipe *pipe, int fd);

// splice_len returns how many bytes `pipe` holds; none when it is NULL.
size_t splice_len(const struct splice_pipe *pipe);

// splice_read copies the next `len` bytes out of `pipe`, which has as many.
void splice_read(struct splice_pipe *pipe, uint8_t *out, size_t len);

// splice_done gives `pipe` back, and drops what it holds. NULL does nothing.
void splice_done(struct splice_pool *pool, struct splice_pipe *pipe);

#endif
