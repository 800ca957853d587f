#include "roots/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net/xalloc.h"

enum { kMaxOutput = 256 * 1024, kReapMs = 5 };

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// A session of its own: a program that wants a password finds no terminal to
// ask on and fails, and can be killed together with what it has started.
static int spawn(const char *const argv[], int output, pid_t *out_pid) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  sigaddset(&standard, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
                                   O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID |
                                            POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &standard);
  int err = posix_spawnp(out_pid, argv[0], &actions, &attributes,
                         (char *const *)(uintptr_t)argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return err;
}

static void append(struct tool_run *run, const char *data, size_t len) {
  size_t room = kMaxOutput - run->output_len;
  len = len < room ? len : room;
  memcpy(run->output + run->output_len, data, len);
  run->output_len += len;
  run->output[run->output_len] = '\0';
}

// read_until reads to the end of the output. False when time is up.
static bool read_until(struct tool_run *run, int fd, int64_t deadline) {
  char buffer[4096];
  for (;;) {
    int64_t left = deadline - now_ms();
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    int ready = left <= 0 ? 0 : poll(&wait, 1, (int)left);
    if (ready == 0) {
      return false;
    }
    ssize_t n = ready < 0 ? -1 : read(fd, buffer, sizeof(buffer));
    if (n == 0 || (n < 0 && errno != EINTR)) {
      return true;
    }
    if (n > 0) {
      append(run, buffer, (size_t)n);
    }
  }
}

// wait_until waits for the end of `pid`. Programs end right after their output
// does, so that there is hardly ever a second look.
static bool wait_until(pid_t pid, int64_t deadline, int *out_status) {
  for (;;) {
    pid_t ended = waitpid(pid, out_status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) {
      return ended == pid;
    }
    if (now_ms() >= deadline) {
      return false;
    }
    poll(NULL, 0, kReapMs);
  }
}

static enum tool_outcome watch(struct tool_run *run, pid_t pid, int fd,
                               int timeout_ms) {
  int64_t deadline = now_ms() + timeout_ms;
  int status = 0;
  if (!read_until(run, fd, deadline) || !wait_until(pid, deadline, &status)) {
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);  // in case its session is not there yet
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return TOOL_TIMED_OUT;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? TOOL_DONE
                                                       : TOOL_FAILED;
}

void tool_run_init(struct tool_run *run, const char *const argv[],
                   int timeout_ms) {
  int fds[2];
  pid_t pid;
  *run = (struct tool_run){.outcome = TOOL_FAILED,
                           .output = xcalloc(kMaxOutput + 1, 1)};
  if (pipe2(fds, O_CLOEXEC) != 0) {
    return;
  }
  int err = spawn(argv, fds[1], &pid);
  close(fds[1]);
  if (err == 0) {
    run->outcome = watch(run, pid, fds[0], timeout_ms);
  } else if (err == ENOENT) {
    run->outcome = TOOL_MISSING;
  } else {
    append(run, strerror(err), strlen(strerror(err)));
  }
  close(fds[0]);
}

void tool_run_cleanup(struct tool_run *run) {
  free(run->output);
  *run = (struct tool_run){.output = NULL};
}

const char *tool_last_line(struct tool_run *run) {
  size_t end = run->output_len;
  while (end > 0 && strchr(" \t\r\n", run->output[end - 1]) != NULL) {
    end--;
  }
  run->output[end] = '\0';
  char *newline = strrchr(run->output, '\n');
  return newline == NULL ? run->output : newline + 1;
}
