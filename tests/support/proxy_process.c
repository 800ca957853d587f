#include "support/proxy_process.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMaxArgs = 32, kStartMs = 20000, kStopMs = 20000, kAnswerMs = 10000 };

struct proxy_process {
  struct scratch *scratch;
  struct peer *peer;
  uint16_t port;
};

const char *const *proxy_process_env(struct scratch *scratch) {
  static const char *env[4];
  const char *path = scratch_path(scratch, "sanitizer");
  env[0] =
      scratch_format(scratch, "ASAN_OPTIONS=log_path=%s:detect_leaks=1", path);
  env[1] = scratch_format(scratch,
                          "UBSAN_OPTIONS=log_path=%s:print_stacktrace=1", path);
  env[2] = scratch_format(scratch, "TSAN_OPTIONS=log_path=%s", path);
  return env;
}

void proxy_process_assert_clean(struct scratch *scratch) {
  glob_t found;
  if (glob(scratch_path(scratch, "sanitizer*"), 0, NULL, &found) == 0) {
    cr_assert_fail("%s", scratch_read(scratch, found.gl_pathv[0], NULL));
  }
  globfree(&found);
}

struct proxy_process *proxy_process_start(struct scratch *scratch,
                                          const char *binary,
                                          const char *const args[]) {
  const char *argv[kMaxArgs] = {binary, "run", "--listen", "127.0.0.1:0"};
  size_t num = 4;
  for (; *args != NULL; args++) {
    cr_assert_lt(num, (size_t)kMaxArgs - 1);
    argv[num++] = *args;
  }
  struct proxy_process *process = calloc(1, sizeof(*process));
  cr_assert_not_null(process);
  process->scratch = scratch;
  process->peer = peer_start(argv, proxy_process_env(scratch));
  const char *line = peer_wait_line(process->peer, "listening on ", kStartMs);
  cr_assert_not_null(line, "echproxy: %s", peer_output(process->peer));
  process->port = (uint16_t)atoi(strrchr(line, ':') + 1);
  return process;
}

void proxy_process_stop(struct proxy_process *process) {
  if (process == NULL) {
    return;
  }
  if (peer_wait(process->peer, 0) == -1) {
    peer_signal(process->peer, SIGTERM);
  }
  int exit_code = peer_wait(process->peer, kStopMs);
  cr_assert_eq(exit_code, 0, "echproxy exited with %d: %s", exit_code,
               peer_output(process->peer));
  proxy_process_assert_clean(process->scratch);
  peer_free(process->peer);
  free(process);
}

uint16_t proxy_process_port(const struct proxy_process *process) {
  return process->port;
}

struct peer *proxy_process_peer(struct proxy_process *process) {
  return process->peer;
}

struct proxy_status proxy_process_status(struct proxy_process *process) {
  struct proxy_status status;
  peer_signal(process->peer, SIGUSR1);
  const char *line = peer_wait_line(process->peer, "status: ", kAnswerMs);
  cr_assert_not_null(line, "echproxy: %s", peer_output(process->peer));
  cr_assert_eq(
      sscanf(strstr(line, "status: "),
             "status: open=%lu hidden=%lu passed=%lu refused=%lu minted=%lu",
             &status.open, &status.hidden, &status.passed, &status.refused,
             &status.minted),
      5, "%s", line);
  return status;
}

struct proxy_status proxy_process_wait_idle(struct proxy_process *process,
                                            int timeout_ms) {
  struct proxy_status status = proxy_process_status(process);
  for (int waited_ms = 0; status.open != 0 && waited_ms < timeout_ms;
       waited_ms += 50) {
    poll(NULL, 0, 50);
    status = proxy_process_status(process);
  }
  cr_assert_eq(status.open, 0UL, "%lu connections are still open", status.open);
  return status;
}
