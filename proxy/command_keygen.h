// command_keygen is `echproxy keygen`: a new ECH key for a server, and the
// record to publish for it.

#ifndef ECHPROXY_PROXY_COMMAND_KEYGEN_H
#define ECHPROXY_PROXY_COMMAND_KEYGEN_H

// command_keygen writes an ECH key to a file, or two where the format wants
// them, and prints the zone line to publish, which is all that goes to standard
// output. `argv[0]` is "keygen". It returns the exit code: 0, 64 for a usage
// error, 65 and 66 for a file of --avoid that is wrong or cannot be read, 70
// when no key could be made, 73 when the file could not, 74 when standard
// output cannot be written.
int command_keygen(int argc, char **argv);

#endif
