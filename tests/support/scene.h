// scene is what an integration test plays in: certificates, an ECH key from the
// real `echproxy keygen`, unbound, a tap in front of the origin, the proxy, and
// curl. A test starts what it needs, in this order.

#ifndef ECHPROXY_TESTS_SUPPORT_SCENE_H
#define ECHPROXY_TESTS_SUPPORT_SCENE_H

#include <stdint.h>

#include "keys/ech_key.h"
#include "support/peer.h"
#include "support/proxy_process.h"
#include "support/scratch.h"
#include "support/tap.h"
#include "support/test_cert.h"
#include "support/unbound.h"

static const char kSiteName[] = "secret.test";
static const char kPublicName[] = "public.test";

struct scene {
  struct scratch *scratch;
  struct test_cert *root;         // of the next two; root.crt
  struct test_cert *site_cert;    // for kSiteName; site.crt, site.key
  struct test_cert *public_cert;  // for kPublicName; public.crt, public.key
  uint8_t *site_der;              // site_cert's DER
  size_t site_der_len;
  const char *ech_path;   // what keygen wrote
  const char *zone_line;  // what keygen said, for kSiteName at the tap's port
  struct ech_key *ech;
  struct tap *tap;
  struct peer *origin;
  uint16_t origin_port;  // of ech_origin
  struct peer *backend;  // or NULL
  struct unbound *dns;
  uint16_t resolver_port;  // of the resolver that the proxy asks
  struct proxy_process *proxy;
  const char *proxy_binary;  // the program to test
};

// scene_open makes all but the peers. scene_close ends and releases everything,
// and asserts that the proxy ended well.
void scene_open(struct scene *scene);
void scene_close(struct scene *scene);

// scene_cert makes a certificate for `names` (as in test_cert_spec), signed by
// the root, and its files NAME.crt and NAME.key.
struct test_cert *scene_cert(struct scene *scene, const char *file,
                             const char *names);

// scene_keygen runs `echproxy keygen` for `public_name` and returns the path of
// the key.
const char *scene_keygen(struct scene *scene, const char *file,
                         const char *public_name);

// scene_keygen_as is scene_keygen for a file in another format, whose key is
// the one to publish then.
const char *scene_keygen_as(struct scene *scene, const char *file,
                            const char *public_name, const char *format);

// scene_run_origin runs ech_origin with `args` (NULL at its end) and sets the
// port that it listens on. Released with peer_free.
struct peer *scene_run_origin(const char *const args[], uint16_t *out_port);

// scene_start_origin runs ech_origin with `args` (NULL at its end) behind the
// tap. scene_start_site runs it as the site should be: the key of the scene,
// both certificates, and with the backend that site.py is.
void scene_start_origin(struct scene *scene, const char *const args[]);
void scene_start_site(struct scene *scene);

// What differs from the site as it should be; what is left out is as there.
struct scene_origin {
  const char *site;    // the file of scene_cert for the hidden names
  const char *public;  // the file of scene_cert for the public name
  const char *ech;     // the path of the ECH key; "" for no ECH at all
  bool only_h1;        // no h2
  // The file of the root whose certificates clients must have; NULL: none.
  const char *client_ca;
};

// scene_start_odd_site is scene_start_site with something that differs.
void scene_start_odd_site(struct scene *scene,
                          const struct scene_origin *origin);

// scene_start_long_site is scene_start_site with a certificate of more than
// kSceneLongCert octets, which is hard to overlook on the wire.
enum { kSceneLongCert = 2000 };
void scene_start_long_site(struct scene *scene);

// scene_start_echo runs the site so that it sends back what it gets.
void scene_start_echo(struct scene *scene);

// scene_start_backend runs site.py and returns its port as a text.
const char *scene_start_backend(struct scene *scene);

// scene_start_dns publishes `records` (NULL at its end), or, when they are
// NULL, the site with its ECH key.
void scene_start_dns(struct scene *scene, const char *const records[]);

// scene_start_proxy runs the proxy with the scene's resolver and root, and
// `args` (NULL at its end, or NULL) besides.
void scene_start_proxy(struct scene *scene, const char *const args[]);

// scene_write_config writes the configuration file, with the scene's resolver
// and root as a rule, or else `names`, and `more` after that, and returns its
// path. scene_start_by_file runs the proxy with it and `args`.
const char *scene_write_config(struct scene *scene, const char *names,
                               const char *more);
void scene_start_by_file(struct scene *scene, const char *config,
                         const char *const args[]);

// scene_start does all of it: the site, its record, the proxy.
void scene_start(struct scene *scene);

// scene_names returns the options of `run` and `check` that name the scene's
// resolver and trust, NULL at their end.
const char *const *scene_names(struct scene *scene);

enum scene_way { SCENE_CONNECT, SCENE_SOCKS5, SCENE_DIRECT };

// What to fetch. What is left out is NULL or 0.
struct scene_fetch {
  enum scene_way way;
  const char *host;         // NULL: kSiteName
  uint16_t port;            // 0: the tap's
  const char *path;         // NULL: "/"
  const char *scheme;       // NULL: "https"
  bool trust_root_only;     // else the proxy's CA only, but for SCENE_DIRECT
  const char *const *args;  // more of curl's, NULL at its end
};

// scene_run_fetch runs curl. Standard output is the body; standard error ends
// in a line "STATUS VERSION SECONDS". Released with program_cleanup.
void scene_run_fetch(struct program *out, struct scene *scene,
                     const struct scene_fetch *fetch);

// scene_fetch_bytes fetches the site once, waits until the proxy is idle, and
// returns how many bytes that brought to the tap. It forgets earlier ones, and
// asserts that the new ones hide the site.
size_t scene_fetch_bytes(struct scene *scene);

// scene_start_fetch runs curl without waiting for it, for at most
// `max_seconds`. Its output is the body and, in the end, "STATUS VERSION
// SECONDS". Released with peer_free.
struct peer *scene_start_fetch(struct scene *scene,
                               const struct scene_fetch *fetch,
                               unsigned max_seconds);

// scene_assert_hidden is tap_assert_hidden for the scene's names.
void scene_assert_hidden(struct scene *scene);

#endif
