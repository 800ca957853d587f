// text makes strings on the heap: paths, and commands that a person can copy.

#ifndef ECHPROXY_ROOTS_TEXT_H
#define ECHPROXY_ROOTS_TEXT_H

// text_format returns a text in printf's form, released with `free`.
__attribute__((format(printf, 1, 2))) char *text_format(const char *format,
                                                        ...);

// text_shell_word returns `word` as a shell reads it back, in quotes where it
// needs them, released with `free`.
char *text_shell_word(const char *word);

#endif
