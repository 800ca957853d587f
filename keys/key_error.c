#include "keys/key_error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void key_error_make_plain(char *text) {
  for (char *c = text; *c != '\0'; c++) {
    if ((unsigned char)*c < 0x20 || *c == 0x7f) {
      *c = '?';
    }
  }
}

void key_error_set(struct key_error *error, const char *format, ...) {
  if (error == NULL) {
    return;
  }
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof(error->text), format, args);
  va_end(args);
  key_error_make_plain(error->text);
}
