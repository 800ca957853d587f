#include "keys/secret_file.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "keys/support.h"

static const uint8_t kHello[] = "hello";

static bool write_hello(const char *path, enum secret_file_mode mode,
                        bool may_replace, struct key_error *error) {
  return secret_file_write(path, kHello, 5, mode, may_replace, error);
}

Test(secret_file, writes_exactly_the_mode_asked_for) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  static const mode_t kMasks[] = {0, 0022, 0077, 0777};
  for (size_t i = 0; i < 4; i++) {
    umask(kMasks[i]);
    in_dir(path, scratch.dir, "private");
    cr_assert(write_hello(path, SECRET_FILE_PRIVATE, true, &error));
    cr_assert_eq(mode_of(path), 0600);
    in_dir(path, scratch.dir, "public");
    cr_assert(write_hello(path, SECRET_FILE_PUBLIC, true, &error));
    cr_assert_eq(mode_of(path), 0644);
  }
  cr_assert_eq(num_files(scratch.dir), 2, "no temporary file is left");
  scratch_remove(&scratch);
}

Test(secret_file, reads_back_what_was_written) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  uint8_t *data;
  size_t len;
  in_dir(path, scratch.dir, "file");
  cr_assert(write_hello(path, SECRET_FILE_PRIVATE, false, &error));
  cr_assert(secret_file_read(path, 5, true, &data, &len, &error));
  cr_assert_eq(len, 5);
  cr_assert_arr_eq(data, kHello, 5);
  secret_file_free(data, len);
  secret_file_free(NULL, 0);
  cr_assert(no_leaks());
  scratch_remove(&scratch);
}

Test(secret_file, replaces_only_when_told_to) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  in_dir(path, scratch.dir, "file");
  put_file(path, "old", 0640);
  cr_assert_not(write_hello(path, SECRET_FILE_PRIVATE, false, &error));
  cr_assert(strstr(error.text, path) && strstr(error.text, "exists"));
  char *text = get_file(path);
  cr_assert_str_eq(text, "old");
  free(text);
  cr_assert_eq(num_files(scratch.dir), 1, "no temporary file is left");
  cr_assert(write_hello(path, SECRET_FILE_PRIVATE, true, &error));
  text = get_file(path);
  cr_assert_str_eq(text, "hello");
  free(text);
  scratch_remove(&scratch);
}

Test(secret_file, replaces_nothing_but_regular_files) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char link[256], target[256], pipe[256];
  in_dir(link, scratch.dir, "link");
  in_dir(target, scratch.dir, "target");
  in_dir(pipe, scratch.dir, "pipe");
  cr_assert(symlink(target, link) == 0 && mkfifo(pipe, 0600) == 0);
  const char *const paths[] = {link, pipe, scratch.dir};
  for (int may_replace = 0; may_replace < 2; may_replace++) {
    for (size_t i = 0; i < 3; i++) {
      cr_assert_not(
          write_hello(paths[i], SECRET_FILE_PRIVATE, may_replace, &error));
      cr_assert(strstr(error.text, paths[i]));
    }
  }
  struct stat info;
  cr_assert(lstat(link, &info) == 0 && S_ISLNK(info.st_mode));
  cr_assert(lstat(pipe, &info) == 0 && S_ISFIFO(info.st_mode));
  cr_assert_eq(mode_of(target), -1, "a dangling link is not followed");
  cr_assert_eq(num_files(scratch.dir), 2);
  scratch_remove(&scratch);
}

Test(secret_file, follows_links_when_it_reads_and_checks_the_target) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256], target[256];
  uint8_t *data;
  size_t len;
  in_dir(path, scratch.dir, "link");
  in_dir(target, scratch.dir, "target");
  put_file(target, "secret", 0600);
  cr_assert(symlink(target, path) == 0);
  cr_assert(secret_file_read(path, 64, true, &data, &len, &error));
  secret_file_free(data, len);
  chmod(target, 0644);
  cr_assert_not(secret_file_read(path, 64, true, &data, &len, &error));
  scratch_remove(&scratch);
}

Test(secret_file, refuses_a_private_file_that_others_can_use) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256], advice[300];
  uint8_t *data;
  size_t len;
  static const mode_t kModes[] = {0604, 0602, 0640, 0620, 0644, 0666, 0601};
  in_dir(path, scratch.dir, "key");
  snprintf(advice, sizeof(advice), "chmod 600 %s", path);
  for (size_t i = 0; i < sizeof(kModes) / sizeof(kModes[0]); i++) {
    put_file(path, "secret", kModes[i]);
    cr_assert_not(secret_file_read(path, 64, true, &data, &len, &error));
    cr_assert(strstr(error.text, advice), "%s", error.text);
    cr_assert(secret_file_read(path, 64, false, &data, &len, &error));
    secret_file_free(data, len);
  }
  static const mode_t kGood[] = {0600, 0400, 0700};
  for (size_t i = 0; i < sizeof(kGood) / sizeof(kGood[0]); i++) {
    put_file(path, "secret", 0600);
    chmod(path, kGood[i]);
    cr_assert(secret_file_read(path, 64, true, &data, &len, &error));
    secret_file_free(data, len);
  }
  scratch_remove(&scratch);
}

Test(secret_file, refuses_a_private_file_of_another_user) {
  if (geteuid() != 0) {
    cr_skip_test("only root can give files away");
  }
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  uint8_t *data;
  size_t len;
  in_dir(path, scratch.dir, "key");
  put_file(path, "secret", 0600);
  cr_assert(chown(path, 12345, 12345) == 0);
  cr_assert_not(secret_file_read(path, 64, true, &data, &len, &error));
  cr_assert(strstr(error.text, "12345") && strstr(error.text, "chown"));
  scratch_remove(&scratch);
}

Test(secret_file, bounds_what_it_reads) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  uint8_t *data;
  size_t len;
  in_dir(path, scratch.dir, "file");
  put_file(path, "12345", 0600);
  cr_assert_not(secret_file_read(path, 4, false, &data, &len, &error));
  cr_assert(strstr(error.text, "5 bytes"), "%s", error.text);
  cr_assert(secret_file_read(path, 5, false, &data, &len, &error));
  secret_file_free(data, len);
  put_file(path, "", 0600);
  cr_assert(secret_file_read(path, 5, false, &data, &len, &error));
  cr_assert_eq(len, 0);
  secret_file_free(data, len);
  scratch_remove(&scratch);
}

Test(secret_file, refuses_what_is_not_a_file, .timeout = 5) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  uint8_t *data;
  size_t len;
  cr_assert_not(secret_file_read(scratch.dir, 64, false, &data, &len, &error));
  cr_assert_not(secret_file_read("/dev/zero", 64, false, &data, &len, &error));
  in_dir(path, scratch.dir, "pipe");
  cr_assert(mkfifo(path, 0600) == 0);
  cr_assert_not(secret_file_read(path, 64, false, &data, &len, &error));
  in_dir(path, scratch.dir, "missing");
  cr_assert_not(secret_file_read(path, 64, false, &data, &len, &error));
  cr_assert(strstr(error.text, path));
  scratch_remove(&scratch);
}

Test(secret_file, says_why_it_cannot_write) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256];
  in_dir(path, scratch.dir, "no-such-dir/file");
  cr_assert_not(write_hello(path, SECRET_FILE_PRIVATE, true, &error));
  cr_assert(strstr(error.text, path) && strstr(error.text, strerror(ENOENT)));
  scratch_remove(&scratch);
}

Test(secret_file, makes_a_directory_and_its_parents_for_us_alone) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256], parent[256];
  umask(0);
  in_dir(parent, scratch.dir, "a");
  in_dir(path, scratch.dir, "a/b//c/");
  cr_assert(secret_file_make_dir(path, &error), "%s", error.text);
  cr_assert_eq(mode_of(path), 0700);
  cr_assert_eq(mode_of(parent), 0700);
  chmod(parent, 0755);
  cr_assert(secret_file_make_dir(path, &error));
  cr_assert_eq(mode_of(parent), 0755, "what exists keeps its mode");
  in_dir(path, scratch.dir, "file");
  put_file(path, "", 0600);
  cr_assert_not(secret_file_make_dir(path, &error));
  in_dir(path, scratch.dir, "file/below");
  cr_assert_not(secret_file_make_dir(path, &error));
  cr_assert(strstr(error.text, strerror(ENOTDIR)), "%s", error.text);
  scratch_remove(&scratch);
}

Test(secret_file, overwrites_what_it_removes) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256], left[8] = {0};
  in_dir(path, scratch.dir, "file");
  cr_assert(write_hello(path, SECRET_FILE_PRIVATE, false, &error));
  FILE *file = fopen(path, "r");  // who has it open sees what becomes of it
  cr_assert(secret_file_remove(path, &error));
  cr_assert_eq(fread(left, 1, sizeof(left), file), 5);
  cr_assert_arr_eq(left, "\0\0\0\0\0", 5);
  fclose(file);
  cr_assert_eq(mode_of(path), -1);
  cr_assert(secret_file_remove(path, &error), "there is nothing to remove");
  scratch_remove(&scratch);
}

Test(secret_file, removes_a_link_and_not_what_it_leads_to) {
  struct scratch scratch = scratch_new();
  struct key_error error;
  char path[256], link[256];
  in_dir(path, scratch.dir, "file");
  in_dir(link, scratch.dir, "link");
  cr_assert(write_hello(path, SECRET_FILE_PRIVATE, false, &error));
  cr_assert(symlink(path, link) == 0);
  cr_assert(secret_file_remove(link, &error));
  cr_assert_eq(mode_of(link), -1);
  char *text = get_file(path);
  cr_assert_str_eq(text, "hello");
  free(text);
  cr_assert_not(secret_file_remove(scratch.dir, &error));
  cr_assert(strstr(error.text, scratch.dir), "%s", error.text);
  scratch_remove(&scratch);
}
