// Several workers: what they share, what they have to themselves, and how they
// end.

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"
#include "support/tunnel_client.h"

// With so many connections the kernel's hash leaves out all workers but one
// about once in 10^9 runs.
enum { kWorkers = 4, kMany = 16, kMaxThreads = 64, kEcho = 100 };

static const char *const kFourWorkers[] = {"--workers", "4", NULL};

// The threads of the proxy, by number, and how often each has run.
struct threads {
  size_t num;
  long ids[kMaxThreads];
  unsigned long num_runs[kMaxThreads];
};

static unsigned long runs_of(pid_t pid, long id) {
  char path[96];
  unsigned long num_runs = 0;
  snprintf(path, sizeof(path), "/proc/%d/task/%ld/schedstat", (int)pid, id);
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file);
  cr_assert_eq(fscanf(file, "%*u %*u %lu", &num_runs), 1);
  fclose(file);
  return num_runs;
}

static struct threads threads_of(struct scene *scene) {
  pid_t pid = peer_pid(proxy_process_peer(scene->proxy));
  struct threads threads = {.num = 0};
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
  DIR *dir = opendir(path);
  cr_assert_not_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] != '.') {
      cr_assert_lt(threads.num, (size_t)kMaxThreads);
      long id = strtol(e->d_name, NULL, 10);
      threads.ids[threads.num] = id;
      threads.num_runs[threads.num++] = runs_of(pid, id);
    }
  }
  closedir(dir);
  return threads;
}

// Says how many threads have run since `before`.
static size_t num_that_ran(struct scene *scene, const struct threads *before) {
  struct threads now = threads_of(scene);
  size_t num = 0;
  cr_assert_eq(now.num, before->num);
  for (size_t i = 0; i < now.num; i++) {
    cr_assert_eq(now.ids[i], before->ids[i]);
    num += now.num_runs[i] != before->num_runs[i];
  }
  return num;
}

static void start_echo(struct scene *scene) {
  scene_open(scene);
  scene_start_echo(scene);
  scene_start_dns(scene, NULL);
  scene_start_proxy(scene, kFourWorkers);
}

// Open tunnels to the site, on several workers.
struct tunnels {
  SSL_CTX *ctx;
  SSL *each[kMany];
};

static void open_tunnels(struct tunnels *t, struct scene *scene) {
  struct threads before = threads_of(scene);
  t->ctx = tunnel_client_context(scratch_path(scene->scratch, "state/ca.pem"));
  for (size_t i = 0; i < kMany; i++) {
    int fd = tunnel_client_connect(proxy_process_port(scene->proxy), kSiteName,
                                   tap_port(scene->tap));
    cr_assert_geq(fd, 0);
    t->each[i] = tunnel_client_tls(t->ctx, fd, kSiteName);
    cr_assert_not_null(t->each[i]);
    cr_assert(tunnel_client_echoes(t->each[i], kEcho));
  }
  cr_assert_geq(num_that_ran(scene, &before), (size_t)2);
  cr_assert_eq(proxy_process_status(scene->proxy).open, (unsigned long)kMany);
}

static void close_tunnels(struct tunnels *t) {
  for (size_t i = 0; i < kMany; i++) {
    tunnel_client_close(t->each[i]);
  }
  SSL_CTX_free(t->ctx);
}

static size_t count_of(const char *text, const char *word) {
  size_t num = 0;
  for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
    num++;
  }
  return num;
}

// Waits for the proxy's end and returns how many tunnels it closed itself.
static size_t num_cut_off(struct scene *scene) {
  struct peer *peer = proxy_process_peer(scene->proxy);
  cr_assert_eq(peer_wait(peer, 20000), 0, "%s", peer_output(peer));
  return count_of(peer_output(peer), "cause: the proxy was stopped");
}

static void pause_a_moment(void) { poll(NULL, 0, 20); }

// Waits until no listener is left, and so none of many connections, which the
// kernel spreads, is taken.
static void wait_until_refused(struct scene *scene) {
  size_t num_refused = 0;
  for (size_t i = 0; num_refused < kMany; i++) {
    cr_assert_lt(i, (size_t)1000, "it still listens");
    int fd = loopback_connect(proxy_process_port(scene->proxy));
    num_refused = fd < 0 ? num_refused + 1 : 0;
    if (fd >= 0) {
      close(fd);
      pause_a_moment();
    }
  }
}

Test(workers, are_as_many_threads_as_asked_for, .timeout = 60) {
  static const char *const kArgs[][3] = {
      {"--workers", "1", NULL}, {"--workers", "4", NULL}, {NULL}};
  static const size_t kExpected[] = {1, 4, 1};
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET((size_t)sched_getcpu(), &one);
  for (size_t i = 0; i < 3; i++) {
    struct scene scene;
    scene_open(&scene);
    scene.proxy_binary = ECHPROXY_PLAIN_BINARY;
    scene.resolver_port = 9;  // not asked for anything
    // Without being told, it goes by the cores that it may run on.
    cr_assert_eq(sched_setaffinity(0, sizeof(one), &one), 0);
    scene_start_proxy(&scene, kArgs[i]);
    cr_expect_eq(threads_of(&scene).num, kExpected[i], "case %zu", i);
    scene_close(&scene);
  }
}

Test(workers, drain_on_sigterm, .timeout = 60) {
  struct scene scene;
  struct tunnels tunnels;
  start_echo(&scene);
  open_tunnels(&tunnels, &scene);
  struct peer *peer = proxy_process_peer(scene.proxy);
  peer_signal(peer, SIGTERM);
  cr_assert(peer_wait_line(peer, "stopping when 16 open connections", 10000));
  for (size_t i = 0; i < kMany; i++) {
    cr_expect(tunnel_client_echoes(tunnels.each[i], kEcho), "tunnel %zu", i);
  }
  wait_until_refused(&scene);
  close_tunnels(&tunnels);
  cr_assert_eq(num_cut_off(&scene), 0);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

Test(workers, stop_at_once_on_a_second_signal, .timeout = 60) {
  struct scene scene;
  struct tunnels tunnels;
  start_echo(&scene);
  open_tunnels(&tunnels, &scene);
  struct peer *peer = proxy_process_peer(scene.proxy);
  peer_signal(peer, SIGINT);
  cr_assert(peer_wait_line(peer, "stopping when 16 open connections", 10000));
  peer_signal(peer, SIGTERM);
  cr_assert_eq(num_cut_off(&scene), kMany);
  close_tunnels(&tunnels);
  scene_close(&scene);
}

// The resolver is gone after the first fetch, so what all workers know of the
// name is what one has found; and each uses the ticket that the one before got.
Test(workers, share_answers_and_tickets, .timeout = 100) {
  struct scene scene;
  scene_open(&scene);
  scene_start_long_site(&scene);
  scene_start_dns(&scene, NULL);
  scene_start_proxy(&scene, kFourWorkers);
  size_t first = scene_fetch_bytes(&scene);
  unbound_stop(scene.dns);
  scene.dns = NULL;
  struct threads before = threads_of(&scene);
  for (size_t i = 0; i < kMany; i++) {
    cr_expect_lt(scene_fetch_bytes(&scene) + kSceneLongCert / 2, first,
                 "fetch %zu", i);
  }
  // The first worker answers for the status, too.
  cr_assert_geq(num_that_ran(&scene, &before), (size_t)3);
  cr_assert_eq(proxy_process_status(scene.proxy).minted, 1UL);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

// Runs the proxy, which must say `why` and end, with a limit of prlimit's.
static void expect_no_start(struct scene *scene, const char *binary,
                            const char *limit, uint16_t port,
                            const char *workers, const char *why) {
  struct program program;
  const char *args[20] = {
      "prlimit",   limit,
      binary,      "run",
      "--workers", workers,
      "--listen",  scratch_format(scene->scratch, "127.0.0.1:%u", port)};
  memcpy(args + 8, scene_names(scene), 9 * sizeof(args[0]));
  program_run(&program, args, proxy_process_env(scene->scratch), 20000);
  cr_expect_eq(program.exit_code, 69, "%d", program.exit_code);
  cr_expect_not_null(strstr(program.err, why), "%s", program.err);
  cr_expect_str_empty(program.out);
  program_cleanup(&program);
  proxy_process_assert_clean(scene->scratch);
}

static void expect_in_use(struct scene *scene, uint16_t port) {
  expect_no_start(scene, ECHPROXY_BINARY, "--as=unlimited", port, "4",
                  "address already in use; choose another with --listen");
}

// A thread's stack is 8 MiB of addresses, or what `ulimit -s` says.
Test(workers, that_cannot_be_started_are_said_to_be_too_many, .timeout = 60) {
  struct scene scene;
  scene_open(&scene);
  scene.resolver_port = 9;
  expect_no_start(&scene, ECHPROXY_PLAIN_BINARY, "--as=300000000", 0, "64",
                  "choose fewer with --workers N");
  expect_no_start(&scene, ECHPROXY_BINARY, "--nofile=1000", 0, "64",
                  "64 workers need 1024 open files, and 1000 are allowed");
  scene_close(&scene);
}

// Sharing a port is for the workers of one proxy, and for nobody else.
Test(workers, do_not_share_a_port_with_others, .timeout = 60) {
  struct scene scene;
  int on = 1;
  scene_open(&scene);
  scene.resolver_port = 9;
  scene_start_proxy(&scene, kFourWorkers);
  expect_in_use(&scene, proxy_process_port(scene.proxy));
  int fd = loopback_bind();
  cr_assert_geq(fd, 0);
  cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
  cr_assert_eq(listen(fd, 1), 0);
  expect_in_use(&scene, loopback_port(fd));
  close(fd);
  scene_close(&scene);
}

static int connect_to(struct scene *scene) {
  int fd = loopback_connect(proxy_process_port(scene->proxy));
  cr_assert_geq(fd, 0);
  return fd;
}

static unsigned long wait_for_open(struct scene *scene, unsigned long num) {
  unsigned long open = 0;
  for (int i = 0; open != num && i < 400; i++) {
    pause_a_moment();
    open = proxy_process_status(scene->proxy).open;
  }
  return open;
}

// The limit is one for all workers: were it shared out among them, the kernel's
// hash would fill one before the others.
Test(workers, have_one_limit_of_connections, .timeout = 60) {
  enum {
    kFiles = 300,
    kPipes = kFiles / 16 / kWorkers,
    kMax = (kFiles - 64 - kWorkers * (16 + 2 * kPipes)) / 2
  };
  static const char kRequest[] = "GET / HTTP/1.0\r\n\r\n";
  struct scene scene;
  int fds[kMax + kWorkers];
  scene_open(&scene);
  scene.resolver_port = 9;
  const struct rlimit limit = {kFiles, kFiles};
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  scene_start_proxy(&scene, kFourWorkers);
  for (size_t i = 0; i < kMax; i++) {
    fds[i] = connect_to(&scene);
  }
  cr_assert_eq(wait_for_open(&scene, kMax), (unsigned long)kMax);
  for (size_t i = kMax; i < kMax + kWorkers; i++) {
    fds[i] = connect_to(&scene);
    cr_assert(loopback_send(fds[i], kRequest, strlen(kRequest)));
  }
  struct peer *peer = proxy_process_peer(scene.proxy);
  cr_assert(peer_wait_line(peer, "70 connections are open, as many as", 10000));
  cr_assert_eq(proxy_process_status(scene.proxy).open, (unsigned long)kMax);
  for (size_t i = 0; i < kMax + kWorkers; i++) {
    char answer[8];
    cr_expect(i < kMax || loopback_recv(fds[i], answer, sizeof(answer)));
    close(fds[i]);
  }
  cr_assert_eq(count_of(peer_output(peer), "as many as there may be"), 1);
  scene_close(&scene);
}

// Opens a tunnel to `site`, which then sends as much as all buffers on the way
// hold, to a client that reads nothing.
static bool clog_tunnel(struct scene *scene, int site, int out_ends[2]) {
  static const char kBytes[65536];
  int fd = tunnel_client_connect(proxy_process_port(scene->proxy), "127.0.0.1",
                                 loopback_port(site));
  struct pollfd waits = {.fd = site, .events = POLLIN};
  out_ends[0] = fd;
  out_ends[1] = -1;
  // Of a tunnel to an address, the first bytes are waited for.
  if (fd < 0 || !loopback_send(fd, "x", 1) || poll(&waits, 1, 10000) != 1) {
    return false;
  }
  out_ends[1] = accept(site, NULL, NULL);
  struct pollfd ready = {.fd = out_ends[1], .events = POLLOUT};
  while (poll(&ready, 1, 20) == 1) {
    if (send(ready.fd, kBytes, sizeof(kBytes), MSG_DONTWAIT) < 0) {
      return false;
    }
  }
  return true;
}

// A pipe is two open files, which the limit of connections has to leave.
Test(workers, have_no_more_pipes_than_connections_leave, .timeout = 100) {
  enum {
    kFiles = 260,
    kPipes = kFiles / 16,
    kMax = (kFiles - 64 - 16 - 2 * kPipes) / 2
  };
  struct scene scene;
  int ends[kMax][2];
  scene_open(&scene);
  scene.resolver_port = 9;
  const struct rlimit limit = {kFiles, kFiles};
  cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
  scene_start_proxy(&scene, (const char *const[]){"--workers", "1", NULL});
  int site = loopback_listen();
  cr_assert_geq(site, 0);
  for (size_t i = 0; i < kMax; i++) {
    cr_assert(clog_tunnel(&scene, site, ends[i]), "tunnel %zu", i);
  }
  cr_assert_eq(proxy_process_status(scene.proxy).open, (unsigned long)kMax);
  for (size_t i = 0; i < kMax; i++) {
    close(ends[i][0]);
    close(ends[i][1]);
  }
  close(site);
  scene_close(&scene);
}
