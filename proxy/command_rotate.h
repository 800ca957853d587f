// command_rotate is `echproxy rotate`: the next ECH key of a server, in the
// directory that it reads.

#ifndef ECHPROXY_PROXY_COMMAND_ROTATE_H
#define ECHPROXY_PROXY_COMMAND_ROTATE_H

// command_rotate rotates the keys of a directory and prints one line that says
// what was done and what to do next. `argv[0]` is "rotate". It returns the exit
// code: 0 also when nothing was due, 64 for a usage error, 65 when a key in the
// directory cannot be used, 73 when the directory or a file cannot be written,
// 74 when standard output cannot, 75 when another rotation is under way or keys
// are replaced too often.
int command_rotate(int argc, char **argv);

#endif
