// key_error is how functions of keys/ that can fail for more than one cause say
// which one it was.

#ifndef ECHPROXY_KEYS_KEY_ERROR_H
#define ECHPROXY_KEYS_KEY_ERROR_H

// A message in plain English that says what is wrong with which file and what
// to do, in one line without a full stop at its end.
struct key_error {
  char text[512];
};

// key_error_make_plain puts '?' in the place of control characters, which the
// names of files can have: a message is one line and moves no cursor.
void key_error_make_plain(char *text);

// key_error_set writes the message, cut to what fits and made plain. `error`
// may be NULL.
void key_error_set(struct key_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
