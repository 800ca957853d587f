#include "proxy/running_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"

static void expect_file(struct scratch *s, const char *name,
                        const char *content) {
  struct stat info;
  const char *path = scratch_path(s, name);
  cr_assert_eq(stat(path, &info), 0, "%s", path);
  cr_assert_eq(info.st_mode & 07777, 0600);
  cr_assert_str_eq(scratch_read(s, path, NULL), content);
}

Test(running_file, makes_a_token_that_no_url_has_to_escape) {
  char one[kRunningTokenSize], other[kRunningTokenSize];
  for (int i = 0; i < 100; i++) {
    running_token_make(one);
    running_token_make(other);
    cr_assert_eq(strlen(one), 43);
    cr_assert_str_neq(one, other);
    cr_assert_eq(strspn(one,
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_"),
                 43);
  }
}

Test(running_file, is_private_and_gone_afterwards) {
  struct scratch *s = scratch_new();
  struct address addresses[2];
  struct running_files *files;
  struct key_error error;
  struct stat info;
  cr_assert(address_from_host_port(&addresses[0], "127.0.0.1:8450"));
  cr_assert(address_from_host_port(&addresses[1], "[::1]:8450"));
  cr_assert(running_files_write(&files, scratch_dir(s, "state"), addresses, 2,
                                "secret", &error));
  cr_assert_eq(stat(scratch_path(s, "state/running"), &info), 0);
  cr_assert_eq(info.st_mode & 07777, 0700);
  expect_file(s, "state/running/127.0.0.1:8450", "secret\n");
  expect_file(s, "state/running/[::1]:8450", "secret\n");
  running_files_remove(files);
  scratch_free(s);
}

Test(running_file, takes_the_place_of_one_that_was_left) {
  struct scratch *s = scratch_new();
  struct address address;
  struct running_files *left, *next;
  struct key_error error;
  char token[kRunningTokenSize], content[kRunningTokenSize + 1];
  const char *dir = scratch_dir(s, "state");
  const char *path = scratch_path(s, "state/running/127.0.0.1:1");
  cr_assert(address_from_host_port(&address, "127.0.0.1:1"));
  running_token_make(token);
  cr_assert(running_files_write(&left, dir, &address, 1, token, &error));
  running_token_make(token);
  cr_assert(running_files_write(&next, dir, &address, 1, token, &error));
  snprintf(content, sizeof(content), "%s\n", token);
  running_files_remove(left);  // not the other's
  expect_file(s, "state/running/127.0.0.1:1", content);
  running_files_remove(next);
  cr_assert_neq(access(path, F_OK), 0);
  scratch_free(s);
}

Test(running_file, is_named_after_an_address_that_leads_there) {
  static const char *const kPairs[][2] = {{"0.0.0.0:1", "127.0.0.1:1"},
                                          {"[::]:2", "[::1]:2"},
                                          {"192.0.2.1:3", "192.0.2.1:3"},
                                          {"127.0.0.2:4", "127.0.0.2:4"}};
  for (size_t i = 0; i < sizeof(kPairs) / sizeof(kPairs[0]); i++) {
    struct address address;
    char text[kAddressTextSize];
    cr_assert(address_from_host_port(&address, kPairs[i][0]));
    address = running_file_address(&address);
    cr_assert_str_eq(address_format(text, &address), kPairs[i][1]);
  }
}

Test(running_file, says_why_there_is_none) {
  struct scratch *s = scratch_new();
  struct address address;
  struct running_files *files;
  struct key_error error;
  cr_assert(address_from_host_port(&address, "127.0.0.1:1"));
  scratch_write(s, "running", "x", 1);
  const char *dir = scratch_path(s, ".");
  cr_assert_not(running_files_write(&files, dir, &address, 1, "t", &error));
  cr_assert_not_null(strstr(error.text, "running"));
  running_files_remove(files);
  // A directory that others can change would let them name another token.
  unlink(scratch_path(s, "running"));
  cr_assert_eq(chmod(scratch_dir(s, "running"), 0777), 0);
  cr_assert_not(running_files_write(&files, dir, &address, 1, "t", &error));
  cr_assert_not_null(strstr(error.text, "mode 0777"));
  running_files_remove(files);
  scratch_free(s);
}
