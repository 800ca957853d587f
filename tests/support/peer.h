// peer runs the programs that tests talk to: servers, which stay until they are
// stopped, and clients, which are waited for. A program that outlives the test
// is killed by the kernel with it.

#ifndef ECHPROXY_TESTS_SUPPORT_PEER_H
#define ECHPROXY_TESTS_SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct peer;

// peer_start runs `argv` (NULL at its end; found on PATH) with `env`,
// "NAME=VALUE" strings (NULL at its end, or NULL) on top of our own
// environment. What it writes to standard output and error is kept. It aborts
// the test when the program cannot be run. Released with peer_free.
struct peer *peer_start(const char *const argv[], const char *const env[]);

// peer_start_in_terminal is peer_start for a program that is in a terminal of
// its own, of this size, as all three of its files.
struct peer *peer_start_in_terminal(const char *const argv[],
                                    const char *const env[],
                                    unsigned short columns,
                                    unsigned short rows);

// peer_type types `keys` at the terminal, and peer_resize makes it another
// size.
void peer_type(struct peer *peer, const char *keys);
void peer_resize(struct peer *peer, unsigned short columns,
                 unsigned short rows);

// peer_wait_text waits until `text` has been written, after what it returned
// true for before, for at most `timeout_ms`.
bool peer_wait_text(struct peer *peer, const char *text, int timeout_ms);

// peer_pid returns the process id.
pid_t peer_pid(const struct peer *peer);

// peer_wait_line waits until the program has written a whole line with `text`
// in it that was not returned before, for at most `timeout_ms`. It returns the
// line without its newline, valid until the next call, or NULL.
const char *peer_wait_line(struct peer *peer, const char *text, int timeout_ms);

// peer_output returns all that was written so far, valid until the next call.
const char *peer_output(struct peer *peer);

// peer_signal sends a signal.
void peer_signal(struct peer *peer, int signal);

// peer_wait waits for the program's end and returns its exit code, or 128 and
// the number of the signal that ended it; -1 when it still runs after
// `timeout_ms`. All that it has written is then there for peer_output, unless
// it left children behind that could write more.
int peer_wait(struct peer *peer, int timeout_ms);

// peer_free kills the program if it still runs, and releases `peer`. NULL does
// nothing.
void peer_free(struct peer *peer);

// What a program that has ended left.
struct program {
  int exit_code;  // as peer_wait says
  char *out;      // standard output, with a NUL after it
  size_t out_len;
  char *err;  // standard error
};

// program_run runs `argv` to its end, at most `timeout_ms`, with `env` as in
// peer_start. Released with program_cleanup.
void program_run(struct program *out, const char *const argv[],
                 const char *const env[], int timeout_ms);
void program_cleanup(struct program *program);

// program_must runs `argv` and aborts the test unless it exits with 0.
void program_must(const char *const argv[]);

#endif
