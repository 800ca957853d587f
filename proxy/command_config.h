// command_config is `echproxy config`: a configuration file to begin with, and
// what is in force and why.

#ifndef ECHPROXY_PROXY_COMMAND_CONFIG_H
#define ECHPROXY_PROXY_COMMAND_CONFIG_H

// command_config writes the file or prints what is in force. `argv[0]` is
// "config". It returns the exit code: 0, 64 for a usage error, 73 when the file
// cannot be written, 74 when standard output cannot be, 78 for a wrong file.
int command_config(int argc, char **argv);

#endif
