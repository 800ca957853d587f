// command_status is `echproxy status`: it asks the user's proxy that runs what
// it has done, once or as it goes.

#ifndef ECHPROXY_PROXY_COMMAND_STATUS_H
#define ECHPROXY_PROXY_COMMAND_STATUS_H

// command_status returns the exit code: 0 running, 1 not running, 2 running but
// not to be asked; 64 for a wrong command line or --watch without a terminal,
// 73 without a home directory or when the page's file cannot be written, 74
// when standard output cannot be, 78 for a wrong file. `argv[0]` is "status".
int command_status(int argc, char **argv);

#endif
