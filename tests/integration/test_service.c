// The proxy as a service manager starts it: with sockets that listen already,
// and with somebody to tell that it is ready.

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support/loopback.h"
#include "support/scene.h"

enum { kWorkers = 4, kWaitMs = 20000 };

static const char *const kFourWorkers[] = {"--workers", "4", NULL};
static const char kRequest[] = "GET / HTTP/1.0\r\n\r\n";

// Makes a program that runs echproxy as a service manager does: `fds`, of which
// there are `num`, are its descriptors from 3 on, and `env` is in its
// environment.
static const char *service_program(struct scene *scene, const int fds[],
                                   size_t num, const char *env) {
  struct scratch *s = scene->scratch;
  const char *passed = "";
  for (size_t i = 0; i < num; i++) {
    int fd = fcntl(fds[i], F_DUPFD, 100);  // out of the way, kept on exec
    cr_assert_geq(fd, 100);
    passed = scratch_format(s, "%s %zu<&%d %d<&-", passed, i + 3, fd, fd);
  }
  const char *script = scratch_format(
      s,
      "#!/bin/bash\nexport LISTEN_PID=$$ LISTEN_FDS=%zu %s\nexec %s \"$@\"%s",
      num, env, ECHPROXY_BINARY, passed);
  const char *path = scratch_write(s, "service", script, strlen(script));
  cr_assert_eq(chmod(path, 0700), 0);
  return path;
}

static void open_service(struct scene *scene, const int fds[], size_t num) {
  scene_open(scene);
  scene->resolver_port = 9;  // not asked for anything
  scene->proxy_binary = service_program(scene, fds, num, "");
}

static void expect_answer(int fd) {
  char answer[13];
  cr_expect(loopback_recv(fd, answer, 12));
  answer[12] = '\0';
  cr_expect_str_eq(answer, "HTTP/1.1 200");
  close(fd);
}

static int ask(uint16_t port) {
  int fd = loopback_connect(port);
  cr_assert_geq(fd, 0);
  cr_assert(loopback_send(fd, kRequest, strlen(kRequest)));
  return fd;
}

// Returns how many of the proxy's descriptors are the socket that `fd` is.
static size_t num_copies(struct scene *scene, int fd) {
  struct stat wanted, found;
  char path[300];
  size_t num = 0;
  cr_assert_eq(fstat(fd, &wanted), 0);
  snprintf(path, sizeof(path), "/proc/%d/fd",
           (int)peer_pid(proxy_process_peer(scene->proxy)));
  DIR *dir = opendir(path);
  cr_assert_not_null(dir);
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    num += fstatat(dirfd(dir), e->d_name, &found, 0) == 0 &&
           found.st_dev == wanted.st_dev && found.st_ino == wanted.st_ino;
  }
  closedir(dir);
  return num;
}

Test(service, listens_with_all_workers_on_what_was_passed, .timeout = 60) {
  struct scene scene;
  int fds[] = {loopback_listen(), loopback_listen()};
  open_service(&scene, fds, 2);
  scene_start_proxy(&scene, kFourWorkers);
  struct peer *peer = proxy_process_peer(scene.proxy);
  cr_assert(peer_wait_line(peer, "listening on ", kWaitMs));
  cr_expect(strstr(peer_output(peer), "127.0.0.1:0 of --listen or the file"));
  for (size_t i = 0; i < 2; i++) {
    uint16_t port = loopback_port(fds[i]);
    cr_expect_eq(num_copies(&scene, fds[i]), (size_t)kWorkers);
    cr_expect(strstr(peer_output(peer),
                     scratch_format(scene.scratch,
                                    "listening on 127.0.0.1:%u\n", port)),
              "%s", peer_output(peer));
    expect_answer(ask(port));
  }
  scene_close(&scene);
}

Test(service, hides_the_site_on_a_socket_that_was_passed, .timeout = 60) {
  struct scene scene;
  struct program curl;
  int fd = loopback_listen();
  scene_open(&scene);
  scene_start_site(&scene);
  scene_start_dns(&scene, NULL);
  scene.proxy_binary = service_program(&scene, &fd, 1, "");
  scene_start_proxy(&scene, kFourWorkers);
  cr_assert_eq(proxy_process_port(scene.proxy), loopback_port(fd));
  scene_run_fetch(&curl, &scene, &(struct scene_fetch){.host = NULL});
  cr_assert_eq(curl.exit_code, 0, "%s", curl.err);
  program_cleanup(&curl);
  scene_assert_hidden(&scene);
  scene_close(&scene);
}

// Whoever connects between two proxies waits for the second.
Test(service, loses_no_connection_between_two_starts, .timeout = 60) {
  struct scene scene;
  int fd = loopback_listen();
  open_service(&scene, &fd, 1);
  scene_start_proxy(&scene, kFourWorkers);
  expect_answer(ask(loopback_port(fd)));
  proxy_process_stop(scene.proxy);
  int waiting = ask(loopback_port(fd));
  scene_start_proxy(&scene, kFourWorkers);
  expect_answer(waiting);
  scene_close(&scene);
}

static int bound_socket(int type, uint32_t address) {
  const struct sockaddr_in sa = {.sin_family = AF_INET,
                                 .sin_addr = {.s_addr = htonl(address)}};
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
  if (type == SOCK_STREAM) {
    cr_assert_eq(listen(fd, 1), 0);
  }
  return fd;
}

static void expect_no_start(const int fds[], size_t num, const char *why) {
  struct scene scene;
  struct program program;
  open_service(&scene, fds, num);
  const char *const args[] = {scene.proxy_binary, "run", "--state-dir",
                              scratch_path(scene.scratch, "state"), NULL};
  program_run(&program, args, proxy_process_env(scene.scratch), kWaitMs);
  cr_expect_eq(program.exit_code, 69, "%d", program.exit_code);
  cr_expect(strstr(program.err, why), "%s", program.err);
  program_cleanup(&program);
  scene_close(&scene);
}

Test(service, takes_nothing_but_tcp_on_loopback, .timeout = 60) {
  int udp = bound_socket(SOCK_DGRAM, INADDR_LOOPBACK);
  int open = bound_socket(SOCK_STREAM, INADDR_ANY);
  int deaf = loopback_bind();
  int many[9];
  int unix_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const struct sockaddr_un abstract = {.sun_family = AF_UNIX};
  cr_assert_eq(bind(unix_socket, (const struct sockaddr *)&abstract,
                    sizeof(abstract.sun_family)),
               0);
  cr_assert_eq(listen(unix_socket, 1), 0);
  expect_no_start(&udp, 1,
                  "descriptor 3, which the service manager passed, "
                  "does not listen for TCP connections");
  expect_no_start(&deaf, 1, "does not listen for TCP connections");
  expect_no_start(&unix_socket, 1, "does not listen for TCP connections");
  expect_no_start(&open, 1, "passed a socket at 0.0.0.0:");
  for (size_t i = 0; i < 9; i++) {
    many[i] = loopback_listen();
  }
  expect_no_start(many, 9, "passed 9 sockets, and 8 are the most");
  expect_no_start((const int[]){many[0], udp}, 2, "descriptor 4, which");
}

Test(service, takes_sockets_of_the_network_where_there_are_users,
     .timeout = 60) {
  struct scene scene;
  int fd = bound_socket(SOCK_STREAM, INADDR_ANY);
  cr_assert_eq(listen(fd, 1), 0);
  open_service(&scene, &fd, 1);
  const char *const args[] = {
      "--users", scratch_write(scene.scratch, "users", "a:b\n", 4), NULL};
  scene_start_proxy(&scene, args);
  cr_assert_eq(proxy_process_port(scene.proxy), loopback_port(fd));
  scene_close(&scene);
}

// What is meant for the shell that starts the proxy is not for the proxy.
Test(service, leaves_the_sockets_of_others, .timeout = 60) {
  struct scene scene;
  int fd = loopback_listen();
  open_service(&scene, NULL, 0);
  scene.proxy_binary = service_program(&scene, &fd, 1, "LISTEN_PID=1");
  scene_start_proxy(&scene, NULL);
  cr_assert_neq(proxy_process_port(scene.proxy), loopback_port(fd));
  scene_close(&scene);
}

static int notify_socket(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t len = strlen(path);
  cr_assert_lt(len, sizeof(address.sun_path));
  memcpy(address.sun_path, path, len);
  if (path[0] == '@') {
    address.sun_path[0] = '\0';
  }
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
                    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
               0);
  return fd;
}

static void expect_message(int fd, const char *wanted) {
  char text[64] = "";
  struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
  cr_assert_eq(poll(&poll_fd, 1, kWaitMs), 1, "no %s", wanted);
  cr_assert_geq(recv(fd, text, sizeof(text) - 1, 0), 0);
  cr_expect_str_eq(text, wanted);
}

static void expect_words(struct scene *scene, const char *path) {
  int fd = notify_socket(path);
  scene->proxy_binary = service_program(
      scene, NULL, 0, scratch_format(scene->scratch, "NOTIFY_SOCKET=%s", path));
  scene_start_proxy(scene, NULL);
  expect_message(fd, "READY=1");
  struct peer *peer = proxy_process_peer(scene->proxy);
  peer_signal(peer, SIGTERM);
  expect_message(fd, "STOPPING=1");
  cr_assert_eq(peer_wait(peer, kWaitMs), 0);
  proxy_process_stop(scene->proxy);
  scene->proxy = NULL;
  close(fd);
}

Test(service, says_that_it_is_ready_and_that_it_stops, .timeout = 60) {
  struct scene scene;
  open_service(&scene, NULL, 0);
  expect_words(&scene, scratch_path(scene.scratch, "notify"));
  expect_words(&scene,
               scratch_format(scene.scratch, "@echproxy-test-%d", getpid()));
  scene_close(&scene);
}

// Nobody may listen any more, and the way may be nonsense.
Test(service, goes_on_when_nobody_hears_that_it_is_ready, .timeout = 60) {
  static const char *const kNobody[] = {"/nonexistent/notify", "vsock:2:1",
                                        "@"};
  struct scene scene;
  open_service(&scene, NULL, 0);
  for (size_t i = 0; i < 3; i++) {
    scene.proxy_binary = service_program(
        &scene, NULL, 0,
        scratch_format(scene.scratch, "NOTIFY_SOCKET=%s", kNobody[i]));
    scene_start_proxy(&scene, NULL);
    proxy_process_stop(scene.proxy);
    scene.proxy = NULL;
  }
  scene_close(&scene);
}
