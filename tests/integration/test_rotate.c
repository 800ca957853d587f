// `echproxy rotate` as timers and people run it: killed at any moment, and
// twice at once.

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "keys/ech_key.h"
#include "support/killed_program.h"
#include "support/scene.h"

enum { kRunMs = 30000, kMaxNames = 32, kNameSize = 32 };

// File names, in order.
struct names {
  char names[kMaxNames][kNameSize];
  size_t num;
};

static void add_name(struct names *names, const char *name) {
  cr_assert_lt(names->num, (size_t)kMaxNames);
  snprintf(names->names[names->num++], kNameSize, "%s", name);
}

static bool has_name(const struct names *names, const char *name) {
  for (size_t i = 0; i < names->num; i++) {
    if (strcmp(names->names[i], name) == 0) {
      return true;
    }
  }
  return false;
}

static int by_name(const void *a, const void *b) { return strcmp(a, b); }

// read_dir reads the names that end in `suffix`.
static void read_dir(struct names *out, const char *path, const char *suffix) {
  DIR *dir = opendir(path);
  const struct dirent *entry;
  *out = (struct names){.num = 0};
  while (dir != NULL && (entry = readdir(dir)) != NULL) {
    size_t len = strlen(entry->d_name);
    if (len >= strlen(suffix) &&
        strcmp(entry->d_name + len - strlen(suffix), suffix) == 0) {
      add_name(out, entry->d_name);
    }
  }
  if (dir != NULL) {
    closedir(dir);
  }
  qsort(out->names, out->num, kNameSize, by_name);
}

// What a server that starts just now finds in a directory.
struct state {
  struct names keys;      // HAProxy's
  struct names included;  // nginx's
  char current[kNameSize];
};

static void read_include(struct names *out, const char *dir) {
  char path[256];
  char line[512];
  *out = (struct names){.num = 0};
  snprintf(path, sizeof(path), "%s/ssl_ech_file.conf", dir);
  FILE *file = fopen(path, "r");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    if (line[0] != '#') {
      char *end = strstr(line, "\";\n");
      cr_assert_not_null(end, "%s", line);
      *end = '\0';
      add_name(out, strrchr(line, '/') + 1);
    }
  }
  if (file != NULL) {
    fclose(file);
  }
}

static void assert_is_key(struct scratch *scratch, const char *path) {
  size_t len;
  struct key_error error;
  const char *pem = scratch_read(scratch, path, &len);
  cr_assert_not_null(pem, "%s", path);
  struct ech_key *key = ech_key_from_pem((const uint8_t *)pem, len, &error);
  cr_assert_not_null(key, "%s: %s", path, error.text);
  ech_key_free(key);
}

// read_state asserts that all servers can load what is there.
static void read_state(struct state *out, struct scratch *scratch,
                       const char *dir) {
  read_dir(&out->keys, dir, ".ech");
  read_include(&out->included, dir);
  for (size_t i = 0; i < out->keys.num; i++) {
    assert_is_key(scratch,
                  scratch_format(scratch, "%s/%s", dir, out->keys.names[i]));
  }
  for (size_t i = 0; i < out->included.num; i++) {
    cr_assert(has_name(&out->keys, out->included.names[i]));
  }
  const char *link = scratch_format(scratch, "%s/current.pem", dir);
  ssize_t len = readlink(link, out->current, sizeof(out->current) - 1);
  out->current[len < 0 ? 0 : len] = '\0';
  cr_assert(len < 0 || has_name(&out->included, out->current));
}

// assert_whole wants what every rotation leaves.
static void assert_whole(const struct state *state, const char *dir) {
  struct names all;
  read_dir(&all, dir, "");
  cr_assert_eq(all.num, state->keys.num + 4, "and ., .., include and link");
  cr_assert_geq(state->keys.num, 2UL);
  cr_assert_eq(state->included.num, state->keys.num);
  cr_assert_arr_eq(state->included.names, state->keys.names,
                   state->keys.num * kNameSize);
  cr_assert_str_eq(state->current, state->keys.names[1]);
}

static void rotate(const char *dir) {
  program_must((const char *const[]){ECHPROXY_PLAIN_BINARY, "rotate", dir,
                                     kPublicName, "--keep", "2", "--every",
                                     "1h", "--ttl", "0", NULL});
}

// make_older makes all keys so old that the next rotation is due and the oldest
// key goes.
static void make_older(struct scratch *scratch, const char *dir) {
  const char *command =
      scratch_format(scratch, "touch -d '2 hours ago' '%s'/*.ech", dir);
  program_must((const char *const[]){"/bin/sh", "-c", command, NULL});
}

// kill_and_repair rotates a copy of `before`, kills that at its nth system
// call, and runs it again. False when it came to its end.
static bool kill_and_repair(struct scratch *scratch, const char *before,
                            int nth) {
  struct state old, killed, whole;
  const char *dir = scratch_path(scratch, "work");
  program_must((const char *const[]){"rm", "-rf", dir, NULL});
  program_must((const char *const[]){"cp", "-a", before, dir, NULL});
  read_state(&old, scratch, dir);
  bool was_killed = killed_program_run(
      (const char *const[]){ECHPROXY_PLAIN_BINARY, "rotate", dir, kPublicName,
                            "--keep", "2", "--every", "1h", "--ttl", "0", NULL},
      SYS_flock, nth);
  read_state(&killed, scratch, dir);
  cr_assert(old.current[0] == '\0' || has_name(&killed.keys, old.current));
  cr_assert(old.current[0] == '\0' || has_name(&killed.included, old.current));
  cr_assert(old.keys.num == 0 || has_name(&old.keys, killed.current),
            "%d: what is published was not there before", nth);
  rotate(dir);
  read_state(&whole, scratch, dir);
  assert_whole(&whole, dir);
  cr_assert(old.keys.num == 0 || has_name(&old.keys, whole.current));
  return was_killed;
}

static void kill_everywhere(struct scratch *scratch, const char *before) {
  int nth = 0;
  while (kill_and_repair(scratch, before, nth)) {
    nth++;
    cr_assert_lt(nth, 1000);
  }
  cr_assert_gt(nth, 20);
}

Test(rotate, killed_at_any_system_call_leaves_working_keys, .timeout = 120) {
  struct scratch *scratch = scratch_new();
  const char *before = scratch_dir(scratch, "before");
  for (int i = 0; i < 4; i++) {
    rotate(before);
    make_older(scratch, before);
  }
  kill_everywhere(scratch, before);
  scratch_free(scratch);
}

Test(rotate, killed_at_the_very_beginning_can_begin_again, .timeout = 120) {
  struct scratch *scratch = scratch_new();
  kill_everywhere(scratch, scratch_dir(scratch, "before"));
  scratch_free(scratch);
}

// Whoever comes second finds the lock, or that nothing is due.
Test(rotate, run_many_times_at_once_rotates_once, .timeout = 60) {
  enum { kNumRuns = 8 };
  struct scratch *scratch = scratch_new();
  struct peer *peers[kNumRuns];
  struct state state;
  const char *dir = scratch_path(scratch, "ech");
  const char *const argv[] = {ECHPROXY_BINARY, "rotate", dir,
                              kPublicName,     "--keep", "2",
                              "--every=1h",    NULL};
  for (int i = 0; i < kNumRuns; i++) {
    peers[i] = peer_start(argv, proxy_process_env(scratch));
  }
  int num_done = 0;
  for (int i = 0; i < kNumRuns; i++) {
    int code = peer_wait(peers[i], kRunMs);
    cr_assert(code == 0 || code == 75, "%d: %s", code, peer_output(peers[i]));
    num_done += code == 0;
    peer_free(peers[i]);
  }
  cr_assert_geq(num_done, 1);
  read_state(&state, scratch, dir);
  assert_whole(&state, dir);
  cr_assert_eq(state.keys.num, 2UL);
  proxy_process_assert_clean(scratch);
  scratch_free(scratch);
}

// run runs `echproxy rotate` with `args`, NULL at their end.
static void run(struct program *out, struct scratch *scratch,
                const char *const args[]) {
  const char *argv[16] = {ECHPROXY_BINARY, "rotate"};
  for (size_t i = 0; args[i] != NULL; i++) {
    cr_assert_lt(i, 13);
    argv[i + 2] = args[i];
  }
  program_run(out, argv, proxy_process_env(scratch), kRunMs);
  proxy_process_assert_clean(scratch);
}

static void assert_one_line(const char *text, const char *wanted) {
  cr_assert_not_null(strstr(text, wanted), "%s", text);
  cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
}

static void assert_says(struct scratch *scratch, const char *wanted,
                        const char *const args[]) {
  struct program program;
  run(&program, scratch, args);
  cr_assert_eq(program.exit_code, 0, "%s", program.err);
  assert_one_line(program.out, wanted);
  program_cleanup(&program);
}

Test(rotate, says_in_one_line_what_to_do_next, .timeout = 60) {
  struct scratch *scratch = scratch_new();
  const char *dir = scratch_path(scratch, "ech");
  const char *const args[] = {dir,       kPublicName, "--keep", "2",
                              "--every", "30m",       NULL,     NULL};
  const char *dry_run[] = {dir, kPublicName, "--keep=2", "--dry-run", NULL};
  assert_says(scratch, "would make ech-999998.ech", dry_run);
  assert_says(
      scratch,
      scratch_format(scratch,
                     "made ech-999998.ech the next key, ech-999999.ech is "
                     "current, 0 old kept, 0 removed; now reload the server, "
                     "then publish %s/current.pem",
                     dir),
      args);
  assert_says(scratch, "not due, the newest key is ", args);
  assert_says(scratch, "nothing was changed", dry_run);
  scratch_free(scratch);
}

Test(rotate, warns_of_another_public_name, .timeout = 60) {
  struct scratch *scratch = scratch_new();
  struct program program;
  const char *dir = scratch_path(scratch, "ech");
  const char *argv[] = {ECHPROXY_BINARY, "rotate",   dir,
                        kPublicName,     "--keep=2", NULL};
  program_run(&program, argv, proxy_process_env(scratch), kRunMs);
  cr_expect_eq(program.exit_code, 0);
  cr_expect_str_empty(program.err, "%s", program.err);
  program_cleanup(&program);
  argv[3] = "other.example";
  program_run(&program, argv, proxy_process_env(scratch), kRunMs);
  cr_expect_eq(program.exit_code, 0);
  const char *said = scratch_format(
      scratch, "was for the public name %s, not other.example", kPublicName);
  cr_expect(strstr(program.err, said), "%s", program.err);
  program_cleanup(&program);
  proxy_process_assert_clean(scratch);
  scratch_free(scratch);
}

Test(rotate, says_what_is_wrong_in_one_line, .timeout = 60) {
  struct scratch *scratch = scratch_new();
  const char *file = scratch_write(scratch, "file", "", 0);
  const char *bad = scratch_dir(scratch, "bad");
  scratch_write(scratch, "bad/ech-999999.ech", "junk", 4);
  const struct {
    int exit_code;
    const char *cause;
    const char *args[8];
  } cases[] = {
      {64, "are needed", {"--keep", "2"}},
      {64, "are needed", {file, "--keep", "2"}},
      {64, "too many", {file, "a.test", "b.test", "--keep", "2"}},
      {64, "--every must", {file, "a.test", "--keep", "1", "--every", "2w"}},
      {64, "--every must", {file, "a.test", "--keep", "1", "--every", "0s"}},
      {64, "--every must", {file, "a.test", "--keep", "1", "--every", "367d"}},
      {64, "--keep N", {file, "a.test"}},
      {64, "--keep must", {file, "a.test", "--keep", "0"}},
      {64, "--every must", {file, "a.test", "--keep", "1", "--every", "60"}},
      {64, "unknown option '--dry'", {file, "a.test", "--keep=1", "--dry"}},
      {64, "public name", {file, "a_b.test", "--keep", "2"}},
      {65, "ech-999999.ech: ", {bad, "a.test", "--keep", "2"}},
      {65, "put it back or remove it", {bad, "a.test", "--keep", "2"}},
      {73, "file", {file, "a.test", "--keep", "2"}},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct program program;
    run(&program, scratch, cases[i].args);
    cr_expect_eq(program.exit_code, cases[i].exit_code, "%zu: %d", i,
                 program.exit_code);
    assert_one_line(program.err, cases[i].cause);
    program_cleanup(&program);
  }
  scratch_free(scratch);
}
