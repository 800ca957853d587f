#include "support/peer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kLastWordsMs = 1000 };

// What a thread reads from a pipe until its end.
struct capture {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t grown;
  int fd;
  char *data;  // with a NUL after it
  size_t len;
  size_t cap;
  bool ended;
};

struct peer {
  pid_t pid;
  bool waited;
  int exit_code;
  struct capture capture;
  size_t line_start;  // of what peer_wait_line and _text have not looked at
  char *copy;         // what was returned last
};

static void capture_append(struct capture *capture, const char *data,
                           size_t len) {
  if (capture->cap - capture->len < len + 1) {
    capture->cap = (capture->cap + len + 1) * 2;
    capture->data = realloc(capture->data, capture->cap);
    if (capture->data == NULL) {
      abort();
    }
  }
  memcpy(capture->data + capture->len, data, len);
  capture->len += len;
  capture->data[capture->len] = '\0';
}

static void *capture_run(void *arg) {
  struct capture *capture = arg;
  char buffer[65536];
  ssize_t len;
  do {
    len = read(capture->fd, buffer, sizeof(buffer));
    pthread_mutex_lock(&capture->lock);
    if (len > 0) {
      capture_append(capture, buffer, (size_t)len);
    } else if (len == 0 || errno != EINTR) {
      capture->ended = true;
    }
    pthread_cond_broadcast(&capture->grown);
    pthread_mutex_unlock(&capture->lock);
  } while (!capture->ended);
  return NULL;
}

static void capture_start(struct capture *capture, int fd) {
  capture->fd = fd;
  pthread_mutex_init(&capture->lock, NULL);
  pthread_cond_init(&capture->grown, NULL);
  capture_append(capture, "", 0);
  cr_assert_eq(pthread_create(&capture->thread, NULL, capture_run, capture), 0);
}

static void capture_finish(struct capture *capture) {
  pthread_join(capture->thread, NULL);
  close(capture->fd);
  pthread_mutex_destroy(&capture->lock);
  pthread_cond_destroy(&capture->grown);
}

static struct timespec deadline_in(int timeout_ms) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  at.tv_sec += timeout_ms / 1000;
  at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
  if (at.tv_nsec >= 1000000000) {
    at.tv_sec++;
    at.tv_nsec -= 1000000000;
  }
  return at;
}

// Between fork and exec: only what is safe there. Without `in` the program
// reads nothing; with it, that is its terminal.
static void become(const char *const argv[], const char *const env[], int in,
                   int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);  // so that its children can be ended with it
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  dup2(in >= 0 ? in : open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (; env != NULL && *env != NULL; env++) {
    putenv((char *)(uintptr_t)*env);
  }
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  static const char kMessage[] = "cannot be run\n";
  ssize_t written = write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  _exit(written > 0 ? 127 : 126);
}

static pid_t spawn(const char *const argv[], const char *const env[], int out,
                   int err) {
  pid_t pid = fork();
  cr_assert_geq(pid, 0);
  if (pid == 0) {
    become(argv, env, -1, out, err);
  }
  return pid;
}

struct peer *peer_start(const char *const argv[], const char *const env[]) {
  struct peer *peer = calloc(1, sizeof(*peer));
  cr_assert_not_null(peer);
  int fds[2];
  cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
  peer->pid = spawn(argv, env, fds[1], fds[1]);
  close(fds[1]);
  capture_start(&peer->capture, fds[0]);
  return peer;
}

struct peer *peer_start_in_terminal(const char *const argv[],
                                    const char *const env[],
                                    unsigned short columns,
                                    unsigned short rows) {
  const struct winsize size = {rows, columns, 0, 0};
  struct peer *peer = calloc(1, sizeof(*peer));
  cr_assert_not_null(peer);
  int master;
  peer->pid = forkpty(&master, NULL, NULL, &size);
  cr_assert_geq(peer->pid, 0);
  if (peer->pid == 0) {
    become(argv, env, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
  }
  fcntl(master, F_SETFD, FD_CLOEXEC);
  capture_start(&peer->capture, master);
  return peer;
}

void peer_type(struct peer *peer, const char *keys) {
  size_t len = strlen(keys);
  cr_assert_eq(write(peer->capture.fd, keys, len), (ssize_t)len);
}

void peer_resize(struct peer *peer, unsigned short columns,
                 unsigned short rows) {
  const struct winsize size = {rows, columns, 0, 0};
  cr_assert_eq(ioctl(peer->capture.fd, TIOCSWINSZ, &size), 0);
}

// Whether `text` has come, which is then looked at no more.
static bool find_text(struct peer *peer, const char *text) {
  const struct capture *capture = &peer->capture;
  const char *found = strstr(capture->data + peer->line_start, text);
  if (found == NULL) {
    return false;
  }
  peer->line_start = (size_t)(found - capture->data) + strlen(text);
  return true;
}

bool peer_wait_text(struct peer *peer, const char *text, int timeout_ms) {
  struct capture *capture = &peer->capture;
  struct timespec deadline = deadline_in(timeout_ms);
  int err = 0;
  bool found;
  pthread_mutex_lock(&capture->lock);
  while (!(found = find_text(peer, text)) && !capture->ended && err == 0) {
    err = pthread_cond_timedwait(&capture->grown, &capture->lock, &deadline);
  }
  pthread_mutex_unlock(&capture->lock);
  return found;
}

pid_t peer_pid(const struct peer *peer) { return peer->pid; }

// Returns the next whole line with `text` in it, a copy, or NULL.
static char *find_line(struct peer *peer, const char *text) {
  struct capture *capture = &peer->capture;
  char *newline;
  char *start = capture->data + peer->line_start;
  while ((newline = strchr(start, '\n')) != NULL) {
    char *line = strndup(start, (size_t)(newline - start));
    peer->line_start = (size_t)(newline + 1 - capture->data);
    if (line != NULL && strstr(line, text) != NULL) {
      return line;
    }
    free(line);
    start = newline + 1;
  }
  return NULL;
}

const char *peer_wait_line(struct peer *peer, const char *text,
                           int timeout_ms) {
  struct capture *capture = &peer->capture;
  struct timespec deadline = deadline_in(timeout_ms);
  free(peer->copy);
  peer->copy = NULL;
  pthread_mutex_lock(&capture->lock);
  int err = 0;
  while ((peer->copy = find_line(peer, text)) == NULL && !capture->ended &&
         err == 0) {
    err = pthread_cond_timedwait(&capture->grown, &capture->lock, &deadline);
  }
  pthread_mutex_unlock(&capture->lock);
  return peer->copy;
}

const char *peer_output(struct peer *peer) {
  pthread_mutex_lock(&peer->capture.lock);
  free(peer->copy);
  peer->copy = strdup(peer->capture.data);
  pthread_mutex_unlock(&peer->capture.lock);
  return peer->copy;
}

void peer_signal(struct peer *peer, int signal) {
  cr_assert_eq(peer->waited, false);
  cr_assert_eq(kill(peer->pid, signal), 0);
}

static void kill_all_of(pid_t pid) {
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);  // in case it has no group yet
  waitpid(pid, NULL, 0);
}

static int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Waits with poll's clock: there is no portable wait with a timeout.
static bool wait_for_pid(pid_t pid, int timeout_ms, int *out_exit_code) {
  int status;
  for (int waited_ms = 0; waitpid(pid, &status, WNOHANG) == 0; waited_ms += 5) {
    if (waited_ms >= timeout_ms) {
      return false;
    }
    poll(NULL, 0, 5);
  }
  *out_exit_code = exit_code_of(status);
  return true;
}

static void wait_for_last_words(struct capture *capture) {
  struct timespec deadline = deadline_in(kLastWordsMs);
  int err = 0;
  pthread_mutex_lock(&capture->lock);
  while (!capture->ended && err == 0) {
    err = pthread_cond_timedwait(&capture->grown, &capture->lock, &deadline);
  }
  pthread_mutex_unlock(&capture->lock);
}

int peer_wait(struct peer *peer, int timeout_ms) {
  if (!peer->waited) {
    peer->waited = wait_for_pid(peer->pid, timeout_ms, &peer->exit_code);
    if (peer->waited) {
      wait_for_last_words(&peer->capture);
    }
  }
  return peer->waited ? peer->exit_code : -1;
}

void peer_free(struct peer *peer) {
  if (peer == NULL) {
    return;
  }
  if (!peer->waited) {
    kill_all_of(peer->pid);
  }
  capture_finish(&peer->capture);
  free(peer->capture.data);
  free(peer->copy);
  free(peer);
}

void program_run(struct program *out, const char *const argv[],
                 const char *const env[], int timeout_ms) {
  int out_fds[2];
  int err_fds[2];
  cr_assert_eq(pipe2(out_fds, O_CLOEXEC), 0);
  cr_assert_eq(pipe2(err_fds, O_CLOEXEC), 0);
  pid_t pid = spawn(argv, env, out_fds[1], err_fds[1]);
  close(out_fds[1]);
  close(err_fds[1]);
  struct capture captures[2] = {0};
  capture_start(&captures[0], out_fds[0]);
  capture_start(&captures[1], err_fds[0]);
  if (!wait_for_pid(pid, timeout_ms, &out->exit_code)) {
    kill_all_of(pid);
    out->exit_code = -1;
  }
  capture_finish(&captures[0]);
  capture_finish(&captures[1]);
  out->out = captures[0].data;
  out->out_len = captures[0].len;
  out->err = captures[1].data;
}

void program_cleanup(struct program *program) {
  free(program->out);
  free(program->err);
  *program = (struct program){0};
}

void program_must(const char *const argv[]) {
  struct program program;
  program_run(&program, argv, NULL, 30000);
  cr_assert_eq(program.exit_code, 0, "%s: exit code %d: %s%s", argv[0],
               program.exit_code, program.out, program.err);
  program_cleanup(&program);
}
