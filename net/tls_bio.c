#include "net/tls_bio.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static int bio_read(BIO *bio, char *out, int len) {
  struct tls_io *io = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (len <= 0) {
    return 0;
  }
  if (io->in_len == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t n = (size_t)len < io->in_len ? (size_t)len : io->in_len;
  memcpy(out, io->in, n);
  io->in += n;
  io->in_len -= n;
  return (int)n;
}

static int bio_write(BIO *bio, const char *data, int len) {
  struct tls_io *io = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (len <= 0) {
    return 0;
  }
  bytes_append(io->out, data, (size_t)len);
  return len;
}

static long bio_ctrl(BIO *bio, int cmd, long larg, void *parg) {
  (void)bio;
  (void)larg;
  (void)parg;
  return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

// Made once, never changed afterwards, shared by all threads.
static BIO_METHOD *bio_method;
static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void) {
  bio_method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "worker buffers");
  if (bio_method == NULL || !BIO_meth_set_read(bio_method, bio_read) ||
      !BIO_meth_set_write(bio_method, bio_write) ||
      !BIO_meth_set_ctrl(bio_method, bio_ctrl)) {
    abort();
  }
}

BIO *tls_bio_new(struct tls_io *io) {
  pthread_once(&bio_method_once, make_bio_method);
  BIO *bio = BIO_new(bio_method);
  if (bio == NULL) {
    abort();
  }
  BIO_set_data(bio, io);
  BIO_set_init(bio, 1);
  return bio;
}
