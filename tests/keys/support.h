// What the tests of keys/ share: scratch directories, small files and a TLS
// handshake in memory.

#ifndef ECHPROXY_TESTS_KEYS_SUPPORT_H
#define ECHPROXY_TESTS_KEYS_SUPPORT_H

#include <criterion/criterion.h>
#include <ftw.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

// no_leaks is for the end of a test: Criterion passes one that leaks.
static inline bool no_leaks(void) {
  return __lsan_do_recoverable_leak_check == NULL ||
         __lsan_do_recoverable_leak_check() == 0;
}

struct scratch {
  char dir[64];
};

static inline struct scratch scratch_new(void) {
  struct scratch scratch = {"/tmp/echproxy-keys-XXXXXX"};
  cr_assert(mkdtemp(scratch.dir) != NULL);
  return scratch;
}

static inline int remove_one(const char *path, const struct stat *info,
                             int type, struct FTW *where) {
  (void)info, (void)type, (void)where;
  return remove(path);
}

static inline void scratch_remove(const struct scratch *scratch) {
  nftw(scratch->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

// in_dir writes `dir/name` into a buffer of 256 bytes.
static inline const char *in_dir(char out[256], const char *dir,
                                 const char *name) {
  snprintf(out, 256, "%s/%s", dir, name);
  return out;
}

static inline void put_file(const char *path, const char *text, mode_t mode) {
  FILE *file = fopen(path, "w");
  cr_assert(file != NULL);
  cr_assert(fputs(text, file) >= 0);
  cr_assert(fclose(file) == 0);
  cr_assert(chmod(path, mode) == 0);
}

// get_file returns the whole file as a string, released with `free`.
static inline char *get_file(const char *path) {
  FILE *file = fopen(path, "r");
  cr_assert(file != NULL, "%s", path);
  char *text = calloc(1, 65536);
  size_t len = fread(text, 1, 65535, file);
  cr_assert(len < 65535);
  fclose(file);
  return text;
}

static inline int mode_of(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 ? (int)(info.st_mode & 07777) : -1;
}

static inline int num_files(const char *dir) {
  char command[128];
  int num = -1;
  snprintf(command, sizeof(command), "ls -A %s | wc -l", dir);
  FILE *pipe = popen(command, "r");
  cr_assert(pipe != NULL && fscanf(pipe, "%d", &num) == 1);
  pclose(pipe);
  return num;
}

// shake_hands joins the two in memory and says whether both finished.
static inline bool shake_hands(SSL *client, SSL *server) {
  BIO *a, *b;
  cr_assert(BIO_new_bio_pair(&a, 65536, &b, 65536));
  SSL_set_bio(client, a, a);
  SSL_set_bio(server, b, b);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  bool done = false;
  for (int i = 0; i < 8 && !done; i++) {
    bool client_done = SSL_do_handshake(client) == 1;
    done = SSL_do_handshake(server) == 1 && client_done;
  }
  return done;
}

// shown_by returns the certificate that `server`, before its handshake, shows a
// client, released with X509_free.
static inline X509 *shown_by(SSL *server) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL *client = SSL_new(ctx);
  cr_assert(shake_hands(client, server));
  X509 *shown = SSL_get_peer_certificate(client);
  SSL_free(client);
  SSL_CTX_free(ctx);
  return shown;
}

#endif
