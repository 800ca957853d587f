// ClientHellos as they are shown: every octet is in one field, and what is
// shown of it is printable. What the stricter parser takes is shown whole.

#include "ech/client_hello.h"
#include "fuzz/fuzz.h"
#include "status/hello_view.h"

static void check_printable(const char *text) {
  fuzz_require(text[0] != '\0');
  for (; *text != '\0'; text++) {
    fuzz_require(*text >= ' ' && *text < 0x7f);
  }
}

static void check_fields(const struct hello_view *view, size_t len) {
  size_t offset = 0;
  for (size_t i = 0; i < view->num_fields; i++) {
    const struct hello_field *field = &view->fields[i];
    fuzz_require(field->offset == offset);
    offset += field->len;
    check_printable(field->name);
    check_printable(field->value);
  }
  fuzz_require(view->num_fields > 0 && offset == view->message_len);
  fuzz_require(offset >= len);
}

static const struct hello_field *find(const struct hello_view *view,
                                      int32_t code) {
  for (size_t i = 0; i < view->num_fields; i++) {
    if (view->fields[i].code == code) {
      return &view->fields[i];
    }
  }
  return NULL;
}

static void check_whole(const struct hello_view *view,
                        const struct client_hello *hello) {
  const struct hello_field *last = &view->fields[view->num_fields - 1];
  const struct hello_field *name = find(view, 0);
  fuzz_require(strcmp(last->name, "malformed") != 0);
  fuzz_require(strcmp(last->name, "not kept") != 0);
  fuzz_require((name != NULL) == (hello->server_name[0] != '\0'));
  fuzz_require(name == NULL || strcmp(name->value, hello->server_name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct hello_view view;
  struct client_hello hello;
  hello_view_init(&view, data, size);
  check_fields(&view, size);
  if (client_hello_parse(&hello, data, size)) {
    check_whole(&view, &hello);
  }
  hello_view_cleanup(&view);
  return 0;
}
