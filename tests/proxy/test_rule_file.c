#include "proxy/rule_file.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/scratch.h"

static const char kRule[] = "[site \"a.example\"]\nmode = pass\n";

static void set(const char *path, const char *mode, int line) {
  struct key_error error;
  int got = -1;
  cr_assert(rule_file_set(path, "a.example", mode, &got, &error), "%s",
            error.text);
  cr_assert_eq(got, line);
}

static void refused(const char *path, const char *text) {
  struct key_error error;
  int line;
  cr_assert_not(rule_file_set(path, "a.example", "pass", &line, &error));
  cr_assert_not_null(strstr(error.text, text), "%s", error.text);
  cr_assert_null(strchr(error.text, '\n'));
}

static mode_t mode_of(const char *path) {
  struct stat info;
  cr_assert_eq(lstat(path, &info), 0);
  return info.st_mode & 07777;
}

static size_t num_names(const char *path) {
  size_t num = 0;
  DIR *dir = opendir(path);
  while (readdir(dir) != NULL) {
    num++;
  }
  closedir(dir);
  return num - 2;
}

Test(rule_file, makes_the_file_that_is_not_there) {
  struct scratch *s = scratch_new();
  const char *path = scratch_path(s, "config/echproxy/echproxy.conf");
  set(path, NULL, 0);
  cr_assert_neq(access(path, F_OK), 0);
  set(path, "pass", 2);
  cr_assert_str_eq(scratch_read(s, path, NULL), kRule);
  cr_assert_eq(mode_of(path), 0600);
  cr_assert_eq(mode_of(scratch_path(s, "config")), 0700);
  set(path, NULL, 0);
  cr_assert_str_eq(scratch_read(s, path, NULL), "");
  scratch_free(s);
}

Test(rule_file, keeps_mode_owner_and_symbolic_link) {
  struct scratch *s = scratch_new();
  struct stat info;
  const char *dir = scratch_dir(s, "real");
  const char *real = scratch_write(s, "real/file", "# mine\n", 7);
  const char *path = scratch_path(s, "link");
  bool is_root = geteuid() == 0;
  cr_assert_eq(chmod(real, 0640), 0);
  cr_assert(!is_root || chown(real, 1234, 2345) == 0);
  cr_assert_eq(symlink("real/file", path), 0);
  set(path, "pass", 4);
  cr_assert_str_eq(scratch_read(s, real, NULL),
                   scratch_format(s, "# mine\n\n%s", kRule));
  cr_assert_eq(mode_of(real), 0640);
  cr_assert_eq(lstat(path, &info), 0);
  cr_assert(S_ISLNK(info.st_mode));
  cr_assert_eq(stat(path, &info), 0);
  cr_assert(!is_root || (info.st_uid == 1234 && info.st_gid == 2345));
  cr_assert_eq(num_names(dir), 1);
  scratch_free(s);
}

Test(rule_file, writes_nothing_that_would_not_be_understood) {
  static const char *const kFiles[] = {
      "[proxy]\nmood = strict\n",
      "[site \"a.example\"]\nmode = pass\nmode = strict\n",
      "[site \"a.example\"]\n[site \"a.example\"]\n",
      "what\n",
  };
  struct scratch *s = scratch_new();
  for (size_t i = 0; i < sizeof(kFiles) / sizeof(kFiles[0]); i++) {
    const char *path = scratch_write(s, "file", kFiles[i], strlen(kFiles[i]));
    if (i == 1) {
      struct key_error error;
      int line;
      cr_assert_not(rule_file_set(path, "a.example", "strict", &line, &error));
    } else {
      refused(path, scratch_format(s, "%s:", path));
    }
    cr_assert_str_eq(scratch_read(s, path, NULL), kFiles[i]);
  }
  scratch_free(s);
}

// A password is fine in a file that only its owner reads, as it is at start.
Test(rule_file, reads_the_rest_as_a_start_does) {
  static const char kProxy[] =
      "[proxy]\nupstream-proxy = http://me:word@127.0.0.1:1\n";
  struct scratch *s = scratch_new();
  const char *path = scratch_write(s, "file", kProxy, strlen(kProxy));
  set(path, "pass", 5);
  set(path, NULL, 0);
  cr_assert_eq(chmod(path, 0644), 0);
  refused(path, "chmod 600");
  // Files are found from the configuration's own folder.
  static const char kRelative[] = "[site \"b.example\"]\nech = none.pem\n";
  path = scratch_write(s, "relative", kRelative, strlen(kRelative));
  refused(path, scratch_format(s, "%s", scratch_path(s, "relative:2")));
  scratch_free(s);
}

Test(rule_file, says_what_to_do_by_hand) {
  struct scratch *s = scratch_new();
  const char *path = scratch_path(s, "link");
  cr_assert_eq(symlink("nowhere/file", path), 0);
  refused(path, "by hand the lines [site \"a.example\"] and mode = pass");
  refused(scratch_dir(s, "dir"), "not a regular file");
  scratch_free(s);
}
