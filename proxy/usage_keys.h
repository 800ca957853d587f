// usage_keys is the --help of the commands for ECH keys.

#ifndef ECHPROXY_PROXY_USAGE_KEYS_H
#define ECHPROXY_PROXY_USAGE_KEYS_H

// usage_keygen and usage_inspect list the options of one command. Each ends
// with two examples.
const char *usage_keygen(void);
const char *usage_inspect(void);

#endif
