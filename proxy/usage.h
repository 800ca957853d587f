// usage is what the program says about itself: --help and --version.

#ifndef ECHPROXY_PROXY_USAGE_H
#define ECHPROXY_PROXY_USAGE_H

// usage_program lists the commands, the others the options of one. Each ends
// with two examples.
const char *usage_program(void);
const char *usage_run(void);
const char *usage_check(void);
const char *usage_ca(void);
const char *usage_trust(void);
const char *usage_untrust(void);
const char *usage_config(void);
const char *usage_status(void);

// usage_print_version prints the program's version and which BoringSSL it uses
// to standard output.
void usage_print_version(void);

#endif
