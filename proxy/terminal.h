// terminal is what may be written to a terminal, and how: whether something is
// one at all, its size, colour where that is wanted, and texts of others
// without what would drive it. Colour never says anything that the words beside
// it do not.

#ifndef ECHPROXY_PROXY_TERMINAL_H
#define ECHPROXY_PROXY_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

enum terminal_style {
  TERMINAL_PLAIN,   // ends the others
  TERMINAL_GOOD,    // green
  TERMINAL_WARN,    // yellow
  TERMINAL_BAD,     // red
  TERMINAL_FAINT,   // grey
  TERMINAL_STRONG,  // bold
};

// terminal_is says whether `fd` is a terminal that can do more than print
// lines: TERM is neither unset nor "dumb".
bool terminal_is(int fd);

// terminal_has_colour says whether what is written to `fd` may be coloured: it
// is such a terminal, and NO_COLOR (no-color.org) is unset or empty.
bool terminal_has_colour(int fd);

// terminal_style returns the sequence that begins `style`, a static text; ""
// unless `colour`.
const char *terminal_style(bool colour, enum terminal_style style);

// terminal_size gives the size of the terminal `fd`, 80 by 24 when it does not
// tell one. Neither is 0.
void terminal_size(int fd, unsigned *out_columns, unsigned *out_rows);

// terminal_copy copies `text` into `out` of `size` > 0 octets, cut between
// characters where it ends. Control characters, those that turn the direction
// of writing, and octets that are no UTF-8 become '?'. It returns `out`.
char *terminal_copy(char *out, size_t size, const char *text);

// terminal_columns counts the characters of `text`, which is UTF-8, each of
// which is taken for one column.
size_t terminal_columns(const char *text);

// terminal_cut ends `text`, which is UTF-8, after `columns` characters, the
// last of which is then '~' to say so. A shorter one stays as it is.
void terminal_cut(char *text, size_t columns);

#endif
