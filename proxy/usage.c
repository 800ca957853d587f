#include "proxy/usage.h"

#include <openssl/base.h>
#include <stdio.h>

#include "build_config.h"

const char *usage_program(void) {
  return "usage: echproxy [run] [OPTION]...   run the proxy (the default)\n"
         "       echproxy check HOST[:PORT]   say whether a site can be "
         "reached privately\n"
         "       echproxy keygen PUBLIC_NAME  make an ECH key for a server\n"
         "       echproxy publish FILE...     print the record for an ECH key\n"
         "       echproxy rotate DIR PUBLIC_NAME\n"
         "                                    replace a server's ECH key, step "
         "by step\n"
         "       echproxy inspect FILE        say what an ECH key or record "
         "holds\n"
         "       echproxy trust               make browsers trust the local "
         "CA\n"
         "       echproxy untrust             take it out of them again\n"
         "       echproxy ca                  print where the CA's certificate "
         "is\n"
         "       echproxy config --init|--show\n"
         "                                    write a configuration file, or "
         "show what is\n"
         "                                    in force and why\n"
         "       echproxy --version\n"
         "\n"
         "echproxy hides which sites you visit from the network: it reaches "
         "every site\n"
         "that publishes ECH with its name encrypted, and passes all others "
         "through.\n"
         "'echproxy COMMAND --help' says more about each.\n"
         "\n"
         "Examples:\n"
         "  echproxy run --listen 127.0.0.1:8450\n"
         "  echproxy check crypto.cloudflare.com\n";
}

#define STATE_DIR                                                             \
  "  --state-dir DIR      where the local CA is kept (default: echproxy in\n" \
  "                       $XDG_STATE_HOME or ~/.local/state)\n"

#define NAMES_AND_TRUST                                                        \
  "  -c, --config FILE    read this file (default: echproxy/echproxy.conf "    \
  "in\n"                                                                       \
  "                       $XDG_CONFIG_HOME or ~/.config, if it exists)\n"      \
  "  --mode MODE          prefer: pass sites without ECH through (default);\n" \
  "                       strict: refuse them\n"                               \
  "  --resolver URL       https://HOST/dns-query (DNS over HTTPS), "           \
  "tls://HOST "                                                                \
  "(DNS\n"                                                                     \
  "                       over TLS), or udp://127.0.0.1 for a resolver on "    \
  "this\n"                                                                     \
  "                       machine; the first of several that works is used\n"  \
  "                       (default: Cloudflare, then Quad9)\n"                 \
  "  --bootstrap IP       address of the --resolver servers; not needed for\n" \
  "                       the default ones, whose addresses are known\n"       \
  "  --local-domain NAME  names in this domain are for the system's "          \
  "resolver, "                                                                 \
  "and\n"                                                                      \
  "                       never for --resolver; may be given several times\n"  \
  "  --resolver-ca FILE   certificates to trust for resolvers, besides the\n"  \
  "                       system's (PEM)\n"                                    \
  "  --upstream-ca FILE   certificates to trust for sites, besides the\n"      \
  "                       system's (PEM)\n"                                    \
  "  --upstream-proxy URL socks5://HOST:PORT or http://HOST:PORT: connect "    \
  "to\n"                                                                       \
  "                       sites and resolvers through this proxy, by "         \
  "address\n"                                                                  \
  "                       and never by name; with USER:PASSWORD@ it goes in\n" \
  "                       the file; none: use none\n" STATE_DIR

const char *usage_run(void) {
  return "usage: echproxy [run] [OPTION]...\n"
         "\n"
         "Runs the proxy. It prints 'listening on ADDR:PORT' when it is ready; "
         "set that\n"
         "as your browser's HTTP or SOCKS5 proxy. SIGTERM stops it when open "
         "connections\n"
         "have finished, after 5 seconds at most; SIGUSR1 logs a line of "
         "counters;\n"
         "SIGHUP reads the configuration again, for connections that come, "
         "and forgets\n"
         "session tickets, verified certificates, and what sites' servers said "
         "of their\n"
         "ECH keys.\n"
         "\n" NAMES_AND_TRUST
         "  --listen ADDR:PORT   where to listen (default: 127.0.0.1:8450); "
         "other than\n"
         "                       loopback only with --users; port 0 picks a "
         "free one;\n"
         "                       not used when systemd passes sockets\n"
         "  --users FILE         let in only who has a name and a password of "
         "FILE:\n"
         "                       lines NAME:PASSWORD, which only you may read\n"
         "  --workers N          threads that share the work, 1 to 64; auto "
         "(default): one\n"
         "                       for each core that it may run on, at most 4\n"
         "  -v, --verbose        name the hosts in the log\n"
         "  -q, --quiet          log errors only\n"
         "  --log-format FORMAT  text (default) or json\n"
         "  -h, --help           print this\n"
         "\n"
         "Every option but --config and --help is also a key of the file: "
         "resolver,\n"
         "bootstrap, local-domain and resolver-ca in [resolver], the others in "
         "[proxy];\n"
         "verbose and quiet are yes or no. The command line beats the file. "
         "Sections\n"
         "[site \"NAME\"] say what is different for single sites: "
         "docs/CONFIGURATION.md.\n"
         "\n"
         "It exits with 0 when it was stopped, 64 for a wrong command line, 69 "
         "when it\n"
         "cannot listen or start its threads, 78 for a wrong file or an "
         "unreadable CA.\n"
         "\n"
         "Examples:\n"
         "  echproxy run --mode strict -v\n"
         "  echproxy run --resolver https://dns.example/dns-query --bootstrap "
         "192.0.2.53\n";
}

const char *usage_check(void) {
  return "usage: echproxy check HOST[:PORT] [OPTION]...\n"
         "\n"
         "Looks the site up, connects to it as the proxy would, and says what "
         "its record\n"
         "says, what the handshake said, and what an observer on the wire "
         "saw.\n"
         "\n"
         "  --json               print one JSON object (docs/CHECK.md)\n"
         "" NAMES_AND_TRUST
         "  -h, --help           print this\n"
         "\n"
         "It exits with 0 when the site was reached with its name hidden, 1 "
         "when it can\n"
         "only be reached with its name in the clear, 2 when neither could be "
         "told, 64\n"
         "for a wrong command line, 78 for a wrong file. In strict mode it "
         "sends no name\n"
         "in the clear, so a site without ECH is not connected to.\n"
         "\n"
         "Examples:\n"
         "  echproxy check crypto.cloudflare.com\n"
         "  echproxy check example.com:8443 --json --mode strict\n";
}

#define CONFIG_FOR_STATE_DIR                                              \
  "  -c, --config FILE    read `state-dir` from this file (default:\n"    \
  "                       echproxy/echproxy.conf in $XDG_CONFIG_HOME or " \
  "~/.config)\n" STATE_DIR

const char *usage_ca(void) {
  return "usage: echproxy ca [--pem|--fingerprint] [--rotate] [OPTION]...\n"
         "\n"
         "Prints the path of the local CA's certificate, which browsers must "
         "trust (see\n"
         "echproxy trust). Makes the CA when there is none yet.\n"
         "\n"
         "  --pem                print the certificate itself, in PEM form\n"
         "  --fingerprint        print its SHA-256, as browsers show it\n"
         "  --rotate             make a new CA. The old key is deleted, and "
         "the old\n"
         "                       certificate taken out of all stores; run "
         "`echproxy\n"
         "                       trust` and restart the proxy after "
         "it\n" CONFIG_FOR_STATE_DIR
         "  -h, --help           print this\n"
         "\n"
         "It exits with 0, or 1 when a CA that was rotated is still trusted "
         "somewhere, 64\n"
         "for a wrong command line, 73 when the CA can be neither opened nor "
         "made, 74 when\n"
         "standard output cannot be written, 78 for a wrong file.\n"
         "\n"
         "Examples:\n"
         "  echproxy ca --fingerprint\n"
         "  curl --cacert \"$(echproxy ca)\" -x http://127.0.0.1:8450 \\\n"
         "      https://crypto.cloudflare.com/cdn-cgi/trace\n";
}

const char *usage_trust(void) {
  return "usage: echproxy trust [--list|--dry-run] [OPTION]...\n"
         "\n"
         "Makes every Chromium and every profile of Firefox in your home "
         "directory\n"
         "trust the local CA for websites, Snap's and Flatpak's too, and makes "
         "the CA\n"
         "when there is none yet. CAs that it replaced are removed. The "
         "system's store,\n"
         "for curl, git and Python, is changed only when root runs this: "
         "others are told\n"
         "the command. Needs certutil (libnss3-tools).\n"
         "\n"
         "  --list               say where the CA is trusted, and change "
         "nothing\n"
         "  --dry-run            say what would be done, and change "
         "nothing\n" CONFIG_FOR_STATE_DIR
         "  -h, --help           print this\n"
         "\n"
         "It exits with 0 when all browsers trust the CA, 1 when one does not, "
         "64 for a\n"
         "wrong command line, 73 when the CA can be neither opened nor made, "
         "74 "
         "when\n"
         "standard output cannot be written, 78 for a wrong file.\n"
         "\n"
         "Examples:\n"
         "  echproxy trust --dry-run\n"
         "  echproxy trust\n";
}

const char *usage_untrust(void) {
  return "usage: echproxy untrust [--delete] [--all] [--dry-run] "
         "[OPTION]...\n"
         "\n"
         "Takes the local CA, and those that it replaced, out of every store "
         "that\n"
         "`echproxy trust` knows, and leaves no byte of them in the browsers' "
         "databases.\n"
         "\n"
         "  --delete             delete the CA's key and certificate as well\n"
         "  --all                remove CAs of other state directories too, "
         "and those\n"
         "                       whose directory is gone\n"
         "  --dry-run            say what would be done, and change "
         "nothing\n" CONFIG_FOR_STATE_DIR
         "  -h, --help           print this\n"
         "\n"
         "It exits with 0 when nothing is left, 1 when something is (the "
         "output says\n"
         "what), 64 for a wrong command line, 73 when the CA cannot be read or "
         "deleted,\n"
         "74 when standard output cannot be written, 78 for a wrong file.\n"
         "\n"
         "Examples:\n"
         "  echproxy untrust\n"
         "  echproxy untrust --delete --all\n";
}

const char *usage_config(void) {
  return "usage: echproxy config --init [--force] [-c FILE]\n"
         "       echproxy config --show [OPTION]...\n"
         "\n"
         "  --init               write a configuration file that explains "
         "every "
         "key and\n"
         "                       sets none, for you to change\n"
         "  --force              replace the file if there is one\n"
         "  --show               print what `echproxy run` would go by, with "
         "the same\n"
         "                       options, and where each value comes from: the "
         "default,\n"
         "                       a line of the file, or the command line; "
         "passwords are\n"
         "                       not printed\n"
         "  -c, --config FILE    the file (default: echproxy/echproxy.conf in\n"
         "                       $XDG_CONFIG_HOME or ~/.config)\n"
         "  -h, --help           print this\n"
         "\n"
         "--show takes all options of `run` (echproxy run --help). "
         "docs/CONFIGURATION.md\n"
         "says more about the file.\n"
         "\n"
         "It exits with 0, 64 for a wrong command line, 73 when the file "
         "cannot "
         "be\n"
         "written, 74 when standard output cannot be, 78 for a wrong file.\n"
         "\n"
         "Examples:\n"
         "  echproxy config --init\n"
         "  echproxy config --show --mode strict\n";
}

void usage_print_version(void) {
  printf("echproxy %s\n%s, API version %d\n", ECHPROXY_VERSION,
         ECHPROXY_BORINGSSL, BORINGSSL_API_VERSION);
}
