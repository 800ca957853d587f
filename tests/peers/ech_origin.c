// ech_origin is the tests' own ECH server, which browsers use: TLS 1.2 and 1.3
// with h2 and http/1.1, in front of a backend that speaks them in the clear.
//
//   ech_origin --site CERT KEY [--public NAME CERT KEY] [--ech PEM|DIR]
//              [--backend PORT] [--h1] [--client-ca FILE] [--tls12] [--p256]
//
// It prints `listening on 127.0.0.1:PORT`, then `hello NAME accepted|outer` for
// each finished handshake. Without --ech it knows no ECH. Of a directory it
// loads every *.ech in the order of their names, as HAProxy does, and again on
// SIGHUP: then it prints `loaded N keys`. Without --backend it
// sends back what it gets. With --client-ca it lets in nobody without a
// certificate of that root. With --p256 alone for a group, a client that sends
// a share of X25519 gets a HelloRetryRequest. A hello for NAME gets the public
// name's certificate, any other the site's.

#include <dirent.h>
#include <openssl/hpke.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/ech_key.h"
#include "keys/secret_file.h"
#include "net/address.h"
#include "net/stream.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "net/worker.h"
#include "net/xalloc.h"

enum { kCloseMs = 2000 };

// A certificate chain and its key, of which a context is made.
struct identity {
  const char *name;  // NULL for the site's
  const char *chain_path;
  const char *key_path;
};

struct server {
  struct worker *worker;
  SSL_CTX *site;
  SSL_CTX *public;  // or NULL
  const char *public_name;
  const char *ech_path;
  uint16_t backend_port;  // 0: echo
  bool only_h1;
  bool only_tls12;
  bool only_p256;
  const char *client_ca_path;  // or NULL
  uv_tcp_t listener;
  uv_signal_t term;
  uv_signal_t hup;
};

// One connection. `ends[0]` is the client's stream and `ends[1]` the backend's;
// an echo has only the first.
struct session {
  struct server *server;
  struct tls *tls;
  struct tcp_connect *connect;
  struct stream *ends[2];
  bool ended[2];
};

static void die(const char *what) {
  fprintf(stderr, "ech_origin: %s\n", what);
  exit(1);
}

// Relaying.

static struct stream *sink_of(struct session *session, int from) {
  return session->ends[1] == NULL ? session->ends[0] : session->ends[1 - from];
}

static void session_close(struct session *session, bool drain) {
  tcp_connect_cancel(session->connect);
  for (int i = 0; i < 2; i++) {
    if (drain && session->ends[i] != NULL) {
      stream_close_after_drain(session->ends[i], kCloseMs);
    } else {
      stream_close(session->ends[i]);
    }
  }
  if (session->ends[0] == NULL) {
    tls_close(session->tls);
  }
  free(session);
}

static void session_data(struct session *session, int from, const uint8_t *data,
                         size_t len) {
  struct stream *sink = sink_of(session, from);
  stream_write(sink, data, len);
  if (stream_pending(sink) > 0) {
    stream_read_stop(session->ends[from]);
  }
}

static void session_end(struct session *session, int from, int err) {
  if (err != 0) {
    session_close(session, false);
    return;
  }
  session->ended[from] = true;
  stream_shutdown(sink_of(session, from));
  if (session->ends[1] == NULL || session->ended[1 - from]) {
    session_close(session, true);
  }
}

static void on_client_data(void *owner, const uint8_t *data, size_t len) {
  session_data(owner, 0, data, len);
}

static void on_client_end(void *owner, int err) { session_end(owner, 0, err); }

static void on_client_drained(void *owner) {
  struct session *session = owner;
  stream_read_start(session->ends[session->ends[1] == NULL ? 0 : 1]);
}

static const struct stream_events kClientEvents = {
    on_client_data, on_client_end, on_client_drained};

static void on_backend_data(void *owner, const uint8_t *data, size_t len) {
  session_data(owner, 1, data, len);
}

static void on_backend_end(void *owner, int err) { session_end(owner, 1, err); }

static void on_backend_drained(void *owner) {
  struct session *session = owner;
  stream_read_start(session->ends[0]);
}

static const struct stream_events kBackendEvents = {
    on_backend_data, on_backend_end, on_backend_drained};

static void on_backend_connected(void *owner, int err, struct stream *stream) {
  struct session *session = owner;
  session->connect = NULL;
  if (err != 0) {
    session_close(session, false);
    return;
  }
  session->ends[1] = stream;
  stream_set_events(stream, &kBackendEvents, session);
  stream_read_start(session->ends[0]);
  stream_read_start(session->ends[1]);
}

// The handshake.

static void log_hello(const SSL *ssl) {
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  printf("hello %s %s\n", name == NULL ? "-" : name,
         SSL_ech_accepted(ssl) ? "accepted" : "outer");
  fflush(stdout);
}

static void on_handshake(void *owner, enum tls_status status,
                         const struct tls_error *error) {
  struct session *session = owner;
  struct server *server = session->server;
  if (status != TLS_OK) {
    char text[256];
    printf("failed %s\n", tls_error_text(text, sizeof(text), error));
    fflush(stdout);
    session_close(session, false);
    return;
  }
  log_hello(tls_ssl(session->tls));
  session->ends[0] = tls_stream(session->tls);
  stream_set_events(session->ends[0], &kClientEvents, session);
  if (server->backend_port == 0) {
    stream_read_start(session->ends[0]);
    return;
  }
  struct address backend;
  address_from_ip(&backend, "127.0.0.1", server->backend_port);
  session->connect = tcp_connect_start(server->worker, &backend,
                                       on_backend_connected, session);
}

static void on_connection(uv_stream_t *listener, int status) {
  struct server *server = listener->data;
  int err;
  struct stream *transport =
      status < 0 ? NULL : tcp_accept(server->worker, listener, &err);
  if (transport == NULL) {
    return;
  }
  struct session *session = xcalloc(1, sizeof(*session));
  session->server = server;
  session->tls =
      tls_server_new(server->worker, transport, SSL_new(server->site));
  tls_handshake_start(session->tls, on_handshake, session);
}

// Which certificate, which protocol.

static int choose_certificate(SSL *ssl, void *arg) {
  struct server *server = arg;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (server->public != NULL && name != NULL &&
      strcasecmp(name, server->public_name) == 0) {
    SSL_set_SSL_CTX(ssl, server->public);
  }
  return 1;
}

static int choose_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_len,
                           const uint8_t *offered, unsigned offered_len,
                           void *arg) {
  static const uint8_t kProtocols[] = "\x02h2\x08http/1.1";
  const struct server *server = arg;
  const uint8_t *ours = kProtocols + (server->only_h1 ? 3 : 0);
  unsigned ours_len = server->only_h1 ? 9 : 12;
  (void)ssl;
  return SSL_select_next_proto((uint8_t **)(uintptr_t)out, out_len, ours,
                               ours_len, offered,
                               offered_len) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_NOACK;
}

static struct ech_key *load_ech_key(const char *path) {
  struct key_error error;
  uint8_t *pem;
  size_t pem_len;
  if (!secret_file_read(path, 65536, false, &pem, &pem_len, &error)) {
    die(error.text);
  }
  struct ech_key *key = ech_key_from_pem(pem, pem_len, &error);
  if (key == NULL) {
    die(error.text);
  }
  secret_file_free(pem, pem_len);
  return key;
}

static void add_ech_key(SSL_ECH_KEYS *keys, const char *path) {
  struct ech_key *key = load_ech_key(path);
  size_t list_len;
  const uint8_t *list = ech_key_config_list(key, &list_len);
  uint8_t private_key[32];
  ech_key_private(key, private_key);
  EVP_HPKE_KEY *hpke = EVP_HPKE_KEY_new();
  // The list has one entry, after its own length.
  if (!EVP_HPKE_KEY_init(hpke, EVP_hpke_x25519_hkdf_sha256(), private_key,
                         sizeof(private_key)) ||
      !SSL_ECH_KEYS_add(keys, 1, list + 2, list_len - 2, hpke)) {
    die("the ECH key does not fit its configuration");
  }
  EVP_HPKE_KEY_free(hpke);
  ech_key_free(key);
}

static int is_ech_file(const struct dirent *entry) {
  size_t len = strlen(entry->d_name);
  return len > 4 && strcmp(entry->d_name + len - 4, ".ech") == 0;
}

// add_ech_dir returns how many there were.
static int add_ech_dir(SSL_ECH_KEYS *keys, const char *dir) {
  char path[4096];
  struct dirent **entries;
  int num = scandir(dir, &entries, is_ech_file, alphasort);
  if (num <= 0) {
    die("the directory has no ECH keys");
  }
  for (int i = 0; i < num; i++) {
    snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
    add_ech_key(keys, path);
    free(entries[i]);
  }
  free(entries);
  return num;
}

static int load_ech_keys(struct server *server, SSL_CTX *ctx) {
  struct stat info;
  SSL_ECH_KEYS *keys = SSL_ECH_KEYS_new();
  int num = 1;
  if (stat(server->ech_path, &info) == 0 && S_ISDIR(info.st_mode)) {
    num = add_ech_dir(keys, server->ech_path);
  } else {
    add_ech_key(keys, server->ech_path);
  }
  if (SSL_CTX_set1_ech_keys(ctx, keys) != 1) {
    die("cannot use the ECH keys");
  }
  SSL_ECH_KEYS_free(keys);
  return num;
}

static SSL_CTX *context_new(struct server *server,
                            const struct identity *identity) {
  SSL_CTX *ctx = SSL_CTX_new(TLS_method());
  if (SSL_CTX_use_certificate_chain_file(ctx, identity->chain_path) != 1 ||
      SSL_CTX_use_PrivateKey_file(ctx, identity->key_path, SSL_FILETYPE_PEM) !=
          1) {
    die("cannot load a certificate and its key");
  }
  if (server->client_ca_path != NULL && identity->name == NULL) {
    if (SSL_CTX_load_verify_locations(ctx, server->client_ca_path, NULL) != 1) {
      die("cannot load the root of clients");
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                       NULL);
  }
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(
      ctx, server->only_tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  if (server->only_p256 && SSL_CTX_set1_curves_list(ctx, "P-256") != 1) {
    die("cannot choose a group");
  }
  SSL_CTX_set_cert_cb(ctx, choose_certificate, server);
  SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, server);
  if (server->ech_path != NULL) {
    load_ech_keys(server, ctx);
  }
  return ctx;
}

// Starting.

static const char *next_arg(char ***args) {
  const char *arg = **args;
  if (arg == NULL) {
    die("an option lacks its argument");
  }
  ++*args;
  return arg;
}

static void read_args(struct server *server, char **args) {
  struct identity site = {0};
  struct identity public = {0};
  while (*args != NULL) {
    const char *option = next_arg(&args);
    if (strcmp(option, "--site") == 0) {
      site.chain_path = next_arg(&args);
      site.key_path = next_arg(&args);
    } else if (strcmp(option, "--public") == 0) {
      public.name = next_arg(&args);
      public.chain_path = next_arg(&args);
      public.key_path = next_arg(&args);
    } else if (strcmp(option, "--ech") == 0) {
      server->ech_path = next_arg(&args);
    } else if (strcmp(option, "--backend") == 0) {
      server->backend_port = (uint16_t)atoi(next_arg(&args));
    } else if (strcmp(option, "--h1") == 0) {
      server->only_h1 = true;
    } else if (strcmp(option, "--tls12") == 0) {
      server->only_tls12 = true;
    } else if (strcmp(option, "--p256") == 0) {
      server->only_p256 = true;
    } else if (strcmp(option, "--client-ca") == 0) {
      server->client_ca_path = next_arg(&args);
    } else {
      die("unknown option");
    }
  }
  if (site.chain_path == NULL) {
    die("--site is needed");
  }
  server->site = context_new(server, &site);
  server->public = public.name == NULL ? NULL : context_new(server, &public);
  server->public_name = public.name;
}

static void on_term(uv_signal_t *handle, int signum) {
  (void)handle;
  (void)signum;
  _exit(0);
}

static void on_hup(uv_signal_t *handle, int signum) {
  struct server *server = handle->data;
  (void)signum;
  if (server->ech_path == NULL) {
    return;
  }
  if (server->public != NULL) {
    load_ech_keys(server, server->public);
  }
  printf("loaded %d keys\n", load_ech_keys(server, server->site));
  fflush(stdout);
}

static void listen_on_loopback(struct server *server) {
  uv_loop_t *loop = worker_loop(server->worker);
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, &server->listener);
  server->listener.data = server;
  uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0);
  if (uv_listen((uv_stream_t *)&server->listener, 1024, on_connection) != 0) {
    die("cannot listen");
  }
  int len = sizeof(address);
  uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &len);
  printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  static struct server server;
  (void)argc;
  signal(SIGPIPE, SIG_IGN);
  server.worker = worker_new();
  read_args(&server, argv + 1);
  uv_signal_init(worker_loop(server.worker), &server.term);
  uv_signal_start(&server.term, on_term, SIGTERM);
  uv_signal_init(worker_loop(server.worker), &server.hup);
  server.hup.data = &server;
  uv_signal_start(&server.hup, on_hup, SIGHUP);
  listen_on_loopback(&server);
  worker_run(server.worker);
  return 0;
}
