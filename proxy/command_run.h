// command_run is `echproxy run`: it sets the proxy up, serves until it is told
// to stop, and takes everything down again.

#ifndef ECHPROXY_PROXY_COMMAND_RUN_H
#define ECHPROXY_PROXY_COMMAND_RUN_H

// command_run returns the exit code: 0 when it was stopped, else one of
// sysexits.h. `argv[0]` is "run", or the program's name.
int command_run(int argc, char **argv);

#endif
