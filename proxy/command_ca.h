// command_ca is `echproxy ca`: where the local CA's certificate is, for a
// person or a script that puts it into a browser, and a new one in its place.

#ifndef ECHPROXY_PROXY_COMMAND_CA_H
#define ECHPROXY_PROXY_COMMAND_CA_H

// command_ca prints the path of `ca.pem`, its contents or its fingerprint, and
// makes the CA when there is none yet, or with --rotate a new one in any case.
// `argv[0]` is "ca". It returns the exit code: 0, 1 when the CA was rotated and
// the old one is still trusted somewhere, 64 for a usage error, 73 when the CA
// can be neither opened nor made, 74 when standard output cannot be written.
int command_ca(int argc, char **argv);

#endif
