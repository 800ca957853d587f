#include "keys/key_error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void key_error_set(struct key_error *error, const char *format, ...) {
  if (error == NULL) {
    return;
  }
  va_list args;
  va_start(args, format);
  vsnprintf(error->text, sizeof(error->text), format, args);
  va_end(args);
}
