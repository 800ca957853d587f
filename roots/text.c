#include "roots/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/xalloc.h"

char *text_format(const char *format, ...) {
  va_list args;
  char *text = NULL;
  va_start(args, format);
  int len = vasprintf(&text, format, args);
  va_end(args);
  if (len < 0) {
    abort();
  }
  return text;
}

char *text_shell_word(const char *word) {
  static const char kPlain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:,+@%";
  if (word[0] != '\0' && word[strspn(word, kPlain)] == '\0') {
    return xstrdup(word);
  }
  char *quoted = xcalloc(4 * strlen(word) + 3, 1);
  char *out = quoted;
  *out++ = '\'';
  for (; *word != '\0'; word++) {
    if (*word == '\'') {
      memcpy(out, "'\\''", 4);
      out += 4;
    } else {
      *out++ = *word;
    }
  }
  *out++ = '\'';
  return quoted;
}
