#include "net/splice.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "support/loopback.h"

// Two connections, each with our end, which does not block, and a far one.
struct bed {
  struct splice_pool pool;
  int in[2];
  int out[2];
};

static void connect_pair(int fds[2]) {
  int listener = loopback_listen();
  fds[1] = loopback_connect(loopback_port(listener));
  fds[0] = accept(listener, NULL, NULL);
  cr_assert(fds[0] >= 0 && fds[1] >= 0);
  cr_assert_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
  close(listener);
}

static void bed_open(struct bed *bed) {
  *bed = (struct bed){0};
  signal(SIGPIPE, SIG_IGN);  // as the program does
  connect_pair(bed->in);
  connect_pair(bed->out);
}

static void bed_close(struct bed *bed) {
  for (int i = 0; i < 2; i++) {
    close(bed->in[i]);
    close(bed->out[i]);
  }
  splice_pool_cleanup(&bed->pool);
  cr_assert_eq(bed->pool.num_pipes, 0);
}

// Takes what was sent, once it has come.
static struct splice_pipe *take(struct bed *bed, const void *data, size_t len) {
  char peeked;
  int err;
  cr_assert(loopback_send(bed->in[1], data, len));
  while (recv(bed->in[0], &peeked, 1, MSG_PEEK) < 0) {
  }
  struct splice_pipe *pipe = splice_in(&bed->pool, bed->in[0], &err);
  cr_assert_not_null(pipe);
  return pipe;
}

Test(splice, carries_bytes_and_keeps_the_pipe_for_the_next) {
  struct bed bed;
  char got[5];
  bed_open(&bed);
  for (int i = 0; i < 3; i++) {
    struct splice_pipe *pipe = take(&bed, "bytes", 5);
    cr_assert_eq(splice_len(pipe), 5);
    cr_assert_eq(splice_out(pipe, bed.out[0]), 0);
    cr_assert_eq(splice_len(pipe), 0);
    cr_assert(loopback_recv(bed.out[1], got, sizeof(got)));
    cr_assert_arr_eq(got, "bytes", 5);
    splice_done(&bed.pool, pipe);
    cr_assert_eq(bed.pool.num_pipes, 1);
    cr_assert_eq(bed.pool.num_spare, 1);
  }
  bed_close(&bed);
}

Test(splice, leaves_nothing_and_the_end_to_read) {
  struct bed bed;
  int err = 1;
  bed_open(&bed);
  cr_assert_null(splice_in(&bed.pool, bed.in[0], &err));
  cr_assert_eq(err, 0);
  shutdown(bed.in[1], SHUT_WR);
  char none;
  while (recv(bed.in[0], &none, 1, MSG_PEEK) < 0) {
  }
  err = 1;
  cr_assert_null(splice_in(&bed.pool, bed.in[0], &err));
  cr_assert_eq(err, 0);
  bed_close(&bed);
}

// The kernel tells it once only.
Test(splice, tells_of_a_reset) {
  struct bed bed;
  int err = 0;
  bed_open(&bed);
  loopback_reset(bed.in[1]);
  bed.in[1] = -1;
  while (err == 0) {
    cr_assert_null(splice_in(&bed.pool, bed.in[0], &err));
  }
  cr_assert_eq(err, UV_ECONNRESET);
  bed_close(&bed);
}

Test(splice, says_when_a_socket_takes_no_more) {
  struct bed bed;
  bed_open(&bed);
  struct splice_pipe *pipe = take(&bed, "bytes", 5);
  shutdown(bed.out[0], SHUT_WR);
  cr_assert_eq(splice_out(pipe, bed.out[0]), UV_EPIPE);
  splice_done(&bed.pool, pipe);
  // What is in it must not come out for somebody else.
  cr_assert_eq(bed.pool.num_pipes, 0);
  bed_close(&bed);
}

Test(splice, keeps_what_does_not_fit_and_gives_it_in_order) {
  enum { kLen = 64 * 1024 };
  struct bed bed;
  char some[kLen] = {0};
  uint8_t front[2];
  bed_open(&bed);
  while (send(bed.out[0], some, kLen, 0) > 0) {  // until it is full
  }
  struct splice_pipe *pipe = take(&bed, "bytes", 5);
  cr_assert_eq(splice_out(pipe, bed.out[0]), 0);
  cr_assert_eq(splice_len(pipe), 5);
  splice_read(pipe, front, 2);
  cr_assert_arr_eq(front, "by", 2);
  cr_assert_eq(splice_len(pipe), 3);
  splice_done(&bed.pool, pipe);
  bed_close(&bed);
}

Test(splice, has_so_many_pipes_and_keeps_few) {
  struct bed bed;
  struct splice_pipe *pipes[kSpliceMaxPipes];
  int err;
  bed_open(&bed);
  for (size_t i = 0; i < kSpliceMaxPipes; i++) {
    pipes[i] = take(&bed, "x", 1);
  }
  cr_assert(loopback_send(bed.in[1], "x", 1));
  cr_assert_null(splice_in(&bed.pool, bed.in[0], &err));
  cr_assert_eq(err, 0);
  uint8_t one;
  for (size_t i = 0; i < kSpliceMaxPipes; i++) {
    splice_read(pipes[i], &one, 1);
    splice_done(&bed.pool, pipes[i]);
  }
  cr_assert_eq(bed.pool.num_pipes, kSpliceMaxSpare);
  bed_close(&bed);
}
