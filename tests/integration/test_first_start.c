// The local CA of several first starts at once, and of one that was killed.

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/killed_program.h"
#include "support/peer.h"
#include "support/scratch.h"

enum { kRunMs = 30000, kAtOnce = 4 };

static void assert_whole(struct scratch *scratch, const char *dir, int nth) {
  struct program ca;
  program_run(&ca,
              (const char *const[]){ECHPROXY_PLAIN_BINARY, "ca", "--state-dir",
                                    dir, NULL},
              NULL, kRunMs);
  cr_assert_eq(ca.exit_code, 0, "killed at %d: %s", nth, ca.err);
  program_cleanup(&ca);
  cr_assert_not_null(
      scratch_read(scratch, scratch_format(scratch, "%s/ca.pem", dir), NULL));
  size_t num = 0;
  DIR *files = opendir(dir);
  for (const struct dirent *e; (e = readdir(files)) != NULL;) {
    num += e->d_name[0] != '.' || strlen(e->d_name) > 2;
  }
  closedir(files);
  cr_assert_eq(num, 3, "killed at %d: %zu files", nth, num);
}

Test(first_start, killed_at_any_system_call_is_made_up_for, .timeout = 120) {
  struct scratch *scratch = scratch_new();
  bool was_killed = true;
  int nth = 0;
  for (; was_killed; nth++) {
    const char *dir = scratch_path(scratch, scratch_format(scratch, "%d", nth));
    was_killed =
        killed_program_run((const char *const[]){ECHPROXY_PLAIN_BINARY, "ca",
                                                 "--state-dir", dir, NULL},
                           SYS_flock, nth);
    assert_whole(scratch, dir, nth);
  }
  cr_assert_gt(nth, 15, "%d", nth);
  scratch_free(scratch);
}

// Starts that are waited for in turn would not be at once.
Test(first_start, makes_one_ca_for_all_who_start_at_once, .timeout = 60) {
  struct scratch *scratch = scratch_new();
  struct peer *peers[kAtOnce];
  const char *state = scratch_path(scratch, "state");
  for (size_t i = 0; i < kAtOnce; i++) {
    peers[i] = peer_start(
        (const char *const[]){ECHPROXY_PLAIN_BINARY, "ca", "--fingerprint",
                              "--state-dir", state, NULL},
        NULL);
  }
  const char *first = NULL;
  for (size_t i = 0; i < kAtOnce; i++) {
    cr_assert_eq(peer_wait(peers[i], kRunMs), 0, "%s", peer_output(peers[i]));
    const char *text = scratch_format(scratch, "%s", peer_output(peers[i]));
    first = first == NULL ? text : first;
    cr_assert_gt(strlen(text), 60);
    cr_assert_str_eq(text, first);
    peer_free(peers[i]);
  }
  scratch_free(scratch);
}
