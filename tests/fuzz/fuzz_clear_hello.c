// A connection's octets, whose first one says where they are cut in two: that
// must make no difference.

#include "fuzz/fuzz.h"
#include "proxy/clear_hello.h"

static enum clear_hello_state read_cut(struct clear_hello *hello,
                                       const uint8_t *data, size_t len,
                                       size_t cut) {
  enum clear_hello_state state = clear_hello_read(hello, data, cut);
  return state == CLEAR_HELLO_MORE
             ? clear_hello_read(hello, data + cut, len - cut)
             : state;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct clear_hello whole = {0};
  struct clear_hello cut = {0};
  char name[kClientHelloNameSize];
  if (size == 0) {
    return 0;
  }
  size_t len = size - 1;
  size_t at = data[0] < len ? data[0] : len;
  enum clear_hello_state state = clear_hello_read(&whole, data + 1, len);
  fuzz_require(read_cut(&cut, data + 1, len, at) == state);
  fuzz_require(whole.message.len <= kClearHelloMax);
  if (state == CLEAR_HELLO_WHOLE) {
    fuzz_require(fuzz_same(whole.message.data, whole.message.len,
                           cut.message.data, cut.message.len));
    clear_hello_name(&whole, name);
  }
  clear_hello_cleanup(&whole);
  clear_hello_cleanup(&cut);
  return 0;
}
