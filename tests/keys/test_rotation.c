#include "keys/rotation.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "keys/ech_key.h"
#include "keys/secret_file.h"
#include "keys/support.h"

// A directory that does not exist yet, in a scratch one.
struct bed {
  struct scratch scratch;
  char dir[256];
  struct rotation rotation;
  struct rotation_report report;
  struct key_error error;
};

static void bed_open(struct bed *bed) {
  *bed = (struct bed){.scratch = scratch_new()};
  in_dir(bed->dir, bed->scratch.dir, "ech");
  bed->rotation = (struct rotation){.dir = bed->dir,
                                    .public_name = "public.example",
                                    .max_name_len = 64,
                                    .keep = 3};
}

static void bed_close(struct bed *bed) {
  scratch_remove(&bed->scratch);
  cr_assert(no_leaks());
}

static void rotate(struct bed *bed) {
  enum rotation_status status =
      rotation_run(&bed->rotation, &bed->report, &bed->error);
  cr_assert_eq(status, ROTATION_OK, "%s", bed->error.text);
}

static enum rotation_status try(struct bed *bed) {
  bed->error.text[0] = '\0';
  enum rotation_status status =
      rotation_run(&bed->rotation, &bed->report, &bed->error);
  cr_assert_neq(bed->error.text[0], '\0');
  return status;
}

static const char *path_of(struct bed *bed, const char *name) {
  static char path[256];
  return in_dir(path, bed->dir, name);
}

static bool exists(struct bed *bed, const char *name) {
  return mode_of(path_of(bed, name)) >= 0;
}

// age makes every key so many seconds older.
static void age(struct bed *bed, time_t seconds) {
  char name[32];
  for (unsigned number = 999980; number < 1000000; number++) {
    struct stat info;
    snprintf(name, sizeof(name), "ech-%06u.ech", number);
    if (stat(path_of(bed, name), &info) == 0) {
      info.st_mtim.tv_sec -= seconds;
      const struct timespec times[] = {info.st_mtim, info.st_mtim};
      cr_assert_eq(utimensat(AT_FDCWD, path_of(bed, name), times, 0), 0);
    }
  }
}

// rotate_aged rotates `num` times, each when all keys are long out of DNS.
static void rotate_aged(struct bed *bed, int num) {
  for (int i = 0; i < num; i++) {
    rotate(bed);
    age(bed, 100000);
  }
}

static void expect_current(struct bed *bed, const char *name) {
  char target[64] = "";
  cr_assert_gt(
      readlink(path_of(bed, "current.pem"), target, sizeof(target) - 1), 0);
  cr_expect_str_eq(target, name);
  cr_expect_str_eq(bed->report.current, name);
}

Test(rotation, begins_with_a_key_to_load_and_publish_and_one_to_load) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 2U);
  cr_expect(bed.report.has_changed);
  cr_expect_str_eq(bed.report.next, "ech-999998.ech");
  expect_current(&bed, "ech-999999.ech");
  cr_expect_eq(mode_of(bed.dir), 0700);
  cr_expect_eq(mode_of(path_of(&bed, "ech-999999.ech")), 0600);
  cr_expect_eq(mode_of(path_of(&bed, "ech-999998.ech")), 0600);
  cr_expect_eq(mode_of(path_of(&bed, "ssl_ech_file.conf")), 0600);
  cr_expect_eq(num_files(bed.dir), 4);
  bed_close(&bed);
}

// What is published has been on the disk since the rotation before.
Test(rotation, publishes_only_what_was_next) {
  struct bed bed;
  char next[kRotationNameSize];
  bed_open(&bed);
  rotate(&bed);
  for (int i = 0; i < 6; i++) {
    memcpy(next, bed.report.next, sizeof(next));
    rotate(&bed);
    cr_expect_eq(bed.report.num_made, 1U);
    expect_current(&bed, next);
  }
  bed_close(&bed);
}

Test(rotation, keeps_the_last_of_those_that_were_published) {
  struct bed bed;
  bed_open(&bed);
  rotate_aged(&bed, 5);
  cr_expect_str_eq(bed.report.next, "ech-999994.ech");
  expect_current(&bed, "ech-999995.ech");
  cr_expect_eq(bed.report.num_old, 2U);
  cr_expect_eq(bed.report.num_removed, 1U);
  cr_expect(exists(&bed, "ech-999997.ech"));
  cr_expect_not(exists(&bed, "ech-999998.ech"));
  bed.rotation.keep = 1;
  bed.rotation.every = 200000;
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 0U, "not due");
  cr_expect_eq(bed.report.num_old, 0U, "and yet tidied");
  cr_expect_eq(num_files(bed.dir), 4);
  bed_close(&bed);
}

// A key was replaced when the one after the next arrived.
Test(rotation, keeps_a_key_while_dns_may_have_it) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.keep = 1;
  bed.rotation.ttl = 100;
  rotate(&bed);  // 999999 is current
  rotate(&bed);  // it is replaced
  age(&bed, 200);
  rotate(&bed);
  cr_expect(exists(&bed, "ech-999999.ech"), "it may be there for 200 seconds");
  age(&bed, 1);
  rotate(&bed);
  cr_expect_not(exists(&bed, "ech-999999.ech"));
  cr_expect(exists(&bed, "ech-999998.ech"), "replaced a second ago");
  bed_close(&bed);
}

Test(rotation, waits_until_it_is_due) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.every = 3600;
  rotate(&bed);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 0U);
  cr_expect_not(bed.report.has_changed);
  age(&bed, 3590);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 0U);
  age(&bed, 11);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 1U);
  cr_expect_geq(bed.report.newest_age, 3600U);
  bed_close(&bed);
}

// As when the clock was wrong when the machine started.
Test(rotation, tells_of_another_public_name) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  cr_expect_str_empty(bed.report.former_name);
  bed.rotation.public_name = "PUBLIC.example";
  rotate(&bed);
  cr_expect_str_empty(bed.report.former_name, "it is the same name");
  bed.rotation.public_name = "other.example";
  bed.rotation.dry_run = true;
  rotate(&bed);
  cr_expect_str_eq(bed.report.former_name, "PUBLIC.example");
  bed.rotation.dry_run = false;
  rotate(&bed);
  cr_expect_str_eq(bed.report.former_name, "PUBLIC.example");
  rotate(&bed);
  cr_expect_str_empty(bed.report.former_name, "it was told");
  bed_close(&bed);
}

Test(rotation, does_not_wait_for_a_future_that_a_wrong_clock_has_seen) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.every = 3600;
  rotate(&bed);
  age(&bed, -1000000);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 0U, "they count as made now");
  age(&bed, 3601);
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 1U);
  bed_close(&bed);
}

Test(rotation, tells_nginx_of_all_keys_and_the_newest_first) {
  struct bed bed;
  char wanted[2048];
  bed_open(&bed);
  rotate(&bed);
  rotate(&bed);
  snprintf(wanted, sizeof(wanted),
           "# Written by echproxy rotate: all keys, the newest first.\n"
           "ssl_ech_file \"%s/ech-999997.ech\";\n"
           "ssl_ech_file \"%s/ech-999998.ech\";\n"
           "ssl_ech_file \"%s/ech-999999.ech\";\n",
           bed.dir, bed.dir, bed.dir);
  char *text = get_file(path_of(&bed, "ssl_ech_file.conf"));
  cr_expect_str_eq(text, wanted);
  free(text);
  bed_close(&bed);
}

Test(rotation, gives_every_key_an_id_of_its_own) {
  struct bed bed;
  bool seen[256] = {false};
  char name[32];
  bed_open(&bed);
  bed.rotation.keep = 50;
  for (int i = 0; i < 50; i++) {
    rotate(&bed);
  }
  for (unsigned number = 999999; number > 999999 - 51; number--) {
    uint8_t *pem;
    size_t len;
    snprintf(name, sizeof(name), "ech-%06u.ech", number);
    cr_assert(secret_file_read(path_of(&bed, name), 4096, true, &pem, &len,
                               &bed.error));
    struct ech_key *key = ech_key_from_pem(pem, len, &bed.error);
    uint8_t id = ech_key_config_list(key, &len)[6];
    cr_expect_not(seen[id], "%s", name);
    seen[id] = true;
    ech_key_free(key);
    secret_file_free(pem, len);
  }
  bed_close(&bed);
}

// put_other puts a key with `config_id` beside ours, as an administrator does
// whose server reads it by its group.
static void put_other(struct bed *bed, uint8_t config_id) {
  struct ech_key_spec spec;
  char name[32];
  uint8_t *pem;
  size_t len;
  ech_key_spec_init(&spec, "public.example");
  spec.config.config_id = config_id;
  struct ech_key *key = ech_key_new(&spec, &bed->error);
  snprintf(name, sizeof(name), "other-%u.ech", (unsigned)config_id);
  cr_assert(ech_key_to_pem(key, &pem, &len));
  cr_assert(secret_file_write(path_of(bed, name), pem, len, SECRET_FILE_PRIVATE,
                              false, &bed->error));
  cr_assert_eq(chmod(path_of(bed, name), 0640), 0);
  ech_key_free(key);
  secret_file_free(pem, len);
}

Test(rotation, avoids_the_ids_of_other_keys_that_a_group_may_read) {
  struct bed bed;
  bed_open(&bed);
  cr_assert_eq(mkdir(bed.dir, 0700), 0);
  for (int id = 0; id < 256; id++) {
    put_other(&bed, (uint8_t)id);
  }
  cr_expect_eq(try(&bed), ROTATION_CANNOT_WRITE, "no id is left");
  cr_expect(strstr(bed.error.text, "config_id"), "%s", bed.error.text);
  bed_close(&bed);
}

Test(rotation, says_what_it_would_do_and_does_nothing) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.dry_run = true;
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 2U);
  cr_expect_eq(mode_of(bed.dir), -1);
  bed.rotation.dry_run = false;
  rotate_aged(&bed, 4);
  bed.rotation.dry_run = true;
  rotate(&bed);
  cr_expect_str_eq(bed.report.next, "ech-999994.ech");
  cr_expect_eq(bed.report.num_removed, 1U);
  cr_expect_not(exists(&bed, "ech-999994.ech"));
  cr_expect(exists(&bed, "ech-999998.ech"));
  cr_expect_not(bed.report.has_changed);
  bed_close(&bed);
}

Test(rotation, leaves_alone_what_is_not_its_own) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  put_file(path_of(&bed, "other.ech"), "not even a key", 0644);
  put_file(path_of(&bed, "ech-99999.ech"), "five digits", 0600);
  put_file(path_of(&bed, "notes"), "mine", 0600);
  put_file(path_of(&bed, ".echproxy-abcdef"), "half a ke", 0600);
  rotate_aged(&bed, 6);
  cr_expect_eq(bed.report.num_others, 2U);
  cr_expect(exists(&bed, "other.ech"));
  cr_expect(exists(&bed, "ech-99999.ech"));
  cr_expect(exists(&bed, "notes"));
  cr_expect_not(exists(&bed, ".echproxy-abcdef"), "what a crash has left");
  bed_close(&bed);
}

Test(rotation, repairs_what_was_lost) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.every = 3600;
  rotate(&bed);
  unlink(path_of(&bed, "current.pem"));
  unlink(path_of(&bed, "ssl_ech_file.conf"));
  rotate(&bed);
  cr_expect_eq(bed.report.num_made, 0U);
  cr_expect(bed.report.has_changed);
  expect_current(&bed, "ech-999999.ech");
  cr_expect(exists(&bed, "ssl_ech_file.conf"));
  bed_close(&bed);
}

Test(rotation, refuses_keys_that_servers_could_not_load) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  cr_assert_eq(chmod(path_of(&bed, "ech-999999.ech"), 0640), 0);
  cr_expect_eq(try(&bed), ROTATION_BAD_KEY);
  cr_expect(strstr(bed.error.text, "chmod 600"), "%s", bed.error.text);
  put_file(path_of(&bed, "ech-999999.ech"), "junk", 0600);
  cr_expect_eq(try(&bed), ROTATION_BAD_KEY);
  cr_expect(strstr(bed.error.text, "ech-999999.ech: "), "%s", bed.error.text);
  cr_expect_not(exists(&bed, "ech-999997.ech"));
  bed_close(&bed);
}

Test(rotation, refuses_directories_that_others_may_change) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  cr_assert_eq(chmod(bed.dir, 0770), 0);
  cr_expect_eq(try(&bed), ROTATION_BAD_DIR);
  cr_expect(strstr(bed.error.text, "chmod 700"), "%s", bed.error.text);
  char file[256];
  bed.rotation.dir = in_dir(file, bed.scratch.dir, "file");
  put_file(file, "", 0600);
  cr_expect_eq(try(&bed), ROTATION_BAD_DIR);
  bed.rotation.dir = in_dir(file, bed.scratch.dir, "a\"b");
  cr_expect_eq(try(&bed), ROTATION_BAD_DIR, "nginx could not read it");
  cr_expect_eq(mode_of(file), -1, "nor is it made");
  bed_close(&bed);
}

Test(rotation, refuses_public_names_that_clients_ignore) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.public_name = "127.0.0.1";
  cr_expect_eq(try(&bed), ROTATION_BAD_NAME);
  cr_expect_eq(mode_of(bed.dir), -1);
  bed_close(&bed);
}

Test(rotation, is_done_by_one_at_a_time) {
  struct bed bed;
  bed_open(&bed);
  rotate(&bed);
  int fd = open(bed.dir, O_RDONLY | O_DIRECTORY);
  cr_assert_eq(flock(fd, LOCK_EX), 0);
  cr_expect_eq(try(&bed), ROTATION_BUSY);
  cr_expect_eq(num_files(bed.dir), 4);
  close(fd);
  rotate(&bed);
  bed_close(&bed);
}

// 128 keys, none of which DNS has forgotten. When it has, they go.
Test(rotation, stops_when_there_are_too_many_keys, .timeout = 60) {
  struct bed bed;
  bed_open(&bed);
  bed.rotation.ttl = 1000;
  for (int i = 0; i < 127; i++) {
    rotate(&bed);
  }
  cr_expect_eq(num_files(bed.dir), 130);
  cr_expect_eq(try(&bed), ROTATION_FULL);
  cr_expect_eq(num_files(bed.dir), 130);
  bed.rotation.ttl = 0;
  char command[512];
  snprintf(command, sizeof(command), "touch -d '1 hour ago' %s/*.ech", bed.dir);
  cr_assert_eq(system(command), 0);
  cr_expect_eq(try(&bed), ROTATION_FULL, "but it has tidied up");
  cr_expect_eq(num_files(bed.dir), 6);
  rotate(&bed);
  bed_close(&bed);
}
