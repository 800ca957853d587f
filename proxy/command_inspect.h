// command_inspect is `echproxy inspect`: what an ECH key file, a configuration
// or a record says, and whether a client would use it.

#ifndef ECHPROXY_PROXY_COMMAND_INSPECT_H
#define ECHPROXY_PROXY_COMMAND_INSPECT_H

// command_inspect prints what it finds to standard output. `argv[0]` is
// "inspect". It returns the exit code: 0 when a client would use a
// configuration and every key belongs to one, 1 when not, 64 for a usage error,
// 65 for what cannot be read as any of the formats, 66 for a file that cannot
// be read, 74 when standard output cannot be written.
int command_inspect(int argc, char **argv);

#endif
