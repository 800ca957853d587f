// command_check is `echproxy check`: it reaches sites as the proxy would and
// says whether that hides their names.

#ifndef ECHPROXY_PROXY_COMMAND_CHECK_H
#define ECHPROXY_PROXY_COMMAND_CHECK_H

// command_check returns the exit code: 0 private, 1 reachable but not private,
// 2 could not tell, and of several hosts the highest of these; 64 for a wrong
// command line, 65 for a wrong list of hosts, 70 when BoringSSL or the event
// loop fail, 78 for a wrong file. `argv[0]` is "check".
int command_check(int argc, char **argv);

#endif
