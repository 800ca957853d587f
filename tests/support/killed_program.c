#include "support/killed_program.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What waitpid says when a traced system call begins or ends.
enum { kSyscallStop = SIGTRAP | 0x80 };

static void run_traced(const char *const argv[]) {
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(null, STDOUT_FILENO);
  ptrace(PTRACE_TRACEME, 0, NULL, NULL);
  raise(SIGSTOP);
  execv(argv[0], (char **)(uintptr_t)argv);
  _exit(127);
}

// entered_call returns the number of the system call that begins, or -1.
static long entered_call(pid_t pid) {
  struct __ptrace_syscall_info info;
  long size = ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info);
  cr_assert_gt(size, 0L);
  return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
}

// leaves_no_trace says that a crash before this call leaves the same as one
// after it. There are many of them.
static bool leaves_no_trace(long call) {
  static const long kCalls[] = {
      SYS_read,   SYS_close,   SYS_fstat,  SYS_newfstatat, SYS_getdents64,
      SYS_brk,    SYS_mmap,    SYS_munmap, SYS_mprotect,   SYS_lseek,
      SYS_getpid, SYS_geteuid, SYS_fcntl,  SYS_getrandom,  SYS_pread64,
  };
  for (size_t i = 0; i < sizeof(kCalls) / sizeof(kCalls[0]); i++) {
    if (kCalls[i] == call) {
      return true;
    }
  }
  return false;
}

static void kill_now(pid_t pid) {
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

bool killed_program_run(const char *const argv[], long after, int nth) {
  int status;
  bool counting = false;
  pid_t pid = fork();
  cr_assert_geq(pid, 0);
  if (pid == 0) {
    run_traced(argv);
  }
  cr_assert_eq(waitpid(pid, &status, 0), pid);
  cr_assert(WIFSTOPPED(status));
  ptrace(PTRACE_SETOPTIONS, pid, NULL,
         PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  while (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0 &&
         waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
    if (WSTOPSIG(status) != kSyscallStop) {
      continue;
    }
    long call = entered_call(pid);
    if (counting && call >= 0 && !leaves_no_trace(call) && nth-- == 0) {
      kill_now(pid);
      return true;
    }
    counting = counting || call == after;
  }
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: %x", argv[1],
            (unsigned)status);
  return false;
}
