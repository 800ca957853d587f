#include "proxy/clear_hello.h"

#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <string.h>

#include "support/leaks.h"

// A record with the ClientHello of a real client.
struct flight {
  uint8_t *bytes;
  size_t len;
};

static struct flight flight_new(const char *name) {
  struct flight flight = {0};
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  SSL *ssl = SSL_new(ctx);
  BIO *out = BIO_new(BIO_s_mem());
  SSL_set_tlsext_host_name(ssl, name);
  SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
  cr_assert_leq(SSL_connect(ssl), 0);
  const uint8_t *data;
  cr_assert(BIO_mem_contents(out, &data, &flight.len));
  flight.bytes = malloc(flight.len);
  memcpy(flight.bytes, data, flight.len);
  SSL_free(ssl);
  SSL_CTX_free(ctx);
  return flight;
}

static void assert_is_of(const struct clear_hello *hello,
                         const struct flight *flight) {
  char name[kClientHelloNameSize];
  clear_hello_name(hello, name);
  cr_assert_str_eq(name, "site.example");
  cr_assert_eq(hello->message.len, flight->len - 5);
  cr_assert_arr_eq(hello->message.data, flight->bytes + 5, flight->len - 5);
}

Test(clear_hello, reads_one_however_it_is_cut) {
  struct flight flight = flight_new("site.example");
  for (size_t step = 1; step <= flight.len; step++) {
    struct clear_hello hello = {0};
    enum clear_hello_state state = CLEAR_HELLO_MORE;
    for (size_t at = 0; at < flight.len; at += step) {
      cr_assert_eq(state, CLEAR_HELLO_MORE);
      size_t left = flight.len - at;
      state = clear_hello_read(&hello, flight.bytes + at,
                               left < step ? left : step);
    }
    cr_assert_eq(state, CLEAR_HELLO_WHOLE);
    assert_is_of(&hello, &flight);
    clear_hello_cleanup(&hello);
  }
  free(flight.bytes);
  cr_assert(leaks_none());
}

// As some clients do to get past boxes that look into the first record only.
Test(clear_hello, reads_one_in_several_records) {
  struct flight flight = flight_new("site.example");
  struct clear_hello hello = {0};
  enum clear_hello_state state = CLEAR_HELLO_MORE;
  for (size_t at = 5; at < flight.len; at += 50) {
    size_t left = flight.len - at;
    size_t len = left < 50 ? left : 50;
    const uint8_t header[] = {22, 3, 1, 0, (uint8_t)len};
    cr_assert_eq(clear_hello_read(&hello, header, 5), CLEAR_HELLO_MORE);
    state = clear_hello_read(&hello, flight.bytes + at, len);
  }
  cr_assert_eq(state, CLEAR_HELLO_WHOLE);
  assert_is_of(&hello, &flight);
  clear_hello_cleanup(&hello);
  free(flight.bytes);
}

Test(clear_hello, leaves_what_follows_alone) {
  struct flight flight = flight_new("site.example");
  struct clear_hello hello = {0};
  uint8_t *more = calloc(1, flight.len + 100);
  memcpy(more, flight.bytes, flight.len);
  cr_assert_eq(clear_hello_read(&hello, more, flight.len + 100),
               CLEAR_HELLO_WHOLE);
  assert_is_of(&hello, &flight);
  clear_hello_cleanup(&hello);
  free(more);
  free(flight.bytes);
}

Test(clear_hello, gives_up_on_all_else) {
  static const struct {
    const char *bytes;
    size_t len;
  } kCases[] = {
      {"SSH-2.0-x", 9},
      {"\x16SSH", 4},                           // not the version of a record
      {"\x17\x03\x03\x00\x01x", 6},             // application data
      {"\x16\x03\x01\x00\x00", 5},              // a record of nothing
      {"\x16\x03\x01\xff\xff", 5},              // longer than a record may be
      {"\x16\x03\x01\x00\x04\x02\x00\x00", 8},  // a ServerHello
      {"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9},  // 16 MiB
  };
  for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; i++) {
    struct clear_hello hello = {0};
    cr_expect_eq(clear_hello_read(&hello, (const uint8_t *)kCases[i].bytes,
                                  kCases[i].len),
                 CLEAR_HELLO_NONE, "case %zu", i);
    clear_hello_cleanup(&hello);
  }
}

Test(clear_hello, has_no_name_where_the_hello_has_none) {
  char name[kClientHelloNameSize] = "x";
  struct clear_hello hello = {0};
  const uint8_t kEmpty[] = {22, 3, 1, 0, 4, 1, 0, 0, 0};
  cr_assert_eq(clear_hello_read(&hello, kEmpty, sizeof kEmpty),
               CLEAR_HELLO_WHOLE);
  clear_hello_name(&hello, name);
  cr_assert_str_eq(name, "");
  clear_hello_cleanup(&hello);
}
