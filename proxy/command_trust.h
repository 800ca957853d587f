// command_trust is `echproxy trust` and `echproxy untrust`: the local CA in the
// stores of browsers and of the system, and out of them again.

#ifndef ECHPROXY_PROXY_COMMAND_TRUST_H
#define ECHPROXY_PROXY_COMMAND_TRUST_H

// command_trust makes the user's programs trust the local CA, which it makes
// when there is none yet, or says which of them do (--list). `argv[0]` is
// "trust". It returns the exit code: 0 when all of the user's own stores do, 1
// when one does not, 64 for a usage error, 73 when the CA can be neither opened
// nor made, 74 when standard output cannot be written.
int command_trust(int argc, char **argv);

// command_untrust takes the CA, and those that it replaced, out of all stores,
// and with --delete removes its key. `argv[0]` is "untrust". It returns the
// exit code: 0 when nothing is left, 1 when something is, 64, 73 and 74 as
// above.
int command_untrust(int argc, char **argv);

#endif
