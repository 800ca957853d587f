// command_check is `echproxy check`: it reaches a site as the proxy would and
// says whether that hides its name.

#ifndef ECHPROXY_PROXY_COMMAND_CHECK_H
#define ECHPROXY_PROXY_COMMAND_CHECK_H

// command_check returns the exit code: 0 private, 1 reachable but not private,
// 2 could not tell; 64 for a wrong command line, 70 when BoringSSL or the event
// loop fail, 78 for a wrong file. `argv[0]` is "check".
int command_check(int argc, char **argv);

#endif
