#include "net/verify_result.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

// BoringSSL gives the place in an SSL to the process once.
static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int result_index;

static void index_make(void) {
  result_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
  if (result_index < 0) {
    abort();
  }
}

void verify_result_set(SSL *ssl, long result) {
  pthread_once(&index_once, index_make);
  if (!SSL_set_ex_data(ssl, result_index, (void *)(intptr_t)result)) {
    abort();
  }
}

long verify_result_get(const SSL *ssl) {
  pthread_once(&index_once, index_make);
  intptr_t noted = (intptr_t)SSL_get_ex_data(ssl, result_index);
  return noted != X509_V_OK ? (long)noted : SSL_get_verify_result(ssl);
}
