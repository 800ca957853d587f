// command_publish is `echproxy publish`: the record that publishes an ECH key,
// from its file.

#ifndef ECHPROXY_PROXY_COMMAND_PUBLISH_H
#define ECHPROXY_PROXY_COMMAND_PUBLISH_H

// command_publish prints what publishes the keys in the files given, and
// nothing else, to standard output. No private key is part of it. `argv[0]` is
// "publish". It returns the exit code: 0, 64 for a usage error, 65 when a file
// holds no key or the keys cannot be published together, 66 when a file cannot
// be read, 70 when memory is short, 74 when standard output cannot be written.
int command_publish(int argc, char **argv);

#endif
