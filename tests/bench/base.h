// base is what is left of the bench's programs when TLS is taken away:
// addresses, the clock, and how to give up.

#ifndef ECHPROXY_TESTS_BENCH_BASE_H
#define ECHPROXY_TESTS_BENCH_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

// die prints `program: text` to stderr and ends the program with status 1. The
// text is one line that says what is wrong and with what.
_Noreturn void die(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

// Command lines.

// option is one that a program knows: `--name` with exactly one of a text, a
// number from `min` to `max`, or nothing, which sets a flag. The last of
// several counts.
struct option {
  const char *name;  // without the dashes; a NULL ends an array of them
  const char **text;
  bool *flag;
  uint64_t *number;
  uint64_t min, max;
};

// options_parse reads `argv` by `options`, borrowing the texts. At most one
// word that is no option goes to `*out_word`. It ends the program when there is
// something else.
void options_parse(const struct option *options, const char **out_word,
                   char **argv);

// Addresses.

struct endpoint {
  struct sockaddr_storage address;
  socklen_t len;
};

// endpoint_parse reads `ADDR:PORT`, with brackets around an IPv6 address. It
// ends the program when `text` is none; `option` is what gave it.
struct endpoint endpoint_parse(const char *option, const char *text);

// endpoint_listen returns a listening socket, with SO_REUSEPORT if `shared`.
// `*at` gets the port that the kernel chose. What is accepted has TCP_NODELAY.
int endpoint_listen(struct endpoint *at, bool shared);

// endpoint_accept returns a connection that waits at the listening socket `fd`,
// or -1 when none does.
int endpoint_accept(int fd);

// endpoint_announce prints `listening on ADDR:PORT`.
void endpoint_announce(const struct endpoint *at);

// Time.

// now_ns is the monotonic clock.
uint64_t now_ns(void);

#endif
