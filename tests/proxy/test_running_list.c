#include "proxy/running_list.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/support.h"

static void put(const char *name, const char *content, mode_t mode,
                time_t when) {
  char path[128];
  const struct timespec times[2] = {{when, 0}, {when, 0}};
  snprintf(path, sizeof(path), "running/%s", name);
  FILE *file = fopen(path, "we");
  cr_assert_not_null(file);
  fputs(content, file);
  cr_assert_eq(fclose(file), 0);
  cr_assert_eq(chmod(path, mode), 0);
  cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void enter(void) {
  struct scratch scratch = scratch_new();
  cr_assert_eq(chdir(scratch.dir), 0);
  cr_assert_eq(mkdir("running", 0700), 0);
}

static void expect_address(const struct running *running, const char *text) {
  char buffer[kAddressTextSize];
  cr_expect_str_eq(address_format(buffer, &running->address), text);
}

Test(running_list, has_the_newest_first) {
  struct running list[kRunningListMax];
  struct key_error error;
  enter();
  put("127.0.0.1:8450", "old-token_\n", 0600, 1000);
  put("[::1]:9000", "new", 0600, 2000);
  put("status-page.html", "<!DOCTYPE html>", 0600, 3000);
  cr_assert_eq(running_list_read(list, ".", &error), 2);
  cr_expect_str_empty(error.text);
  expect_address(&list[0], "[::1]:9000");
  cr_expect_str_eq(list[0].token, "new");
  expect_address(&list[1], "127.0.0.1:8450");
  cr_expect_str_eq(list[1].token, "old-token_");
  cr_expect_eq(running_list_read(list, "nowhere", &error), 0);
  cr_expect_str_empty(error.text);
}

// What it holds goes into a header line.
Test(running_list, leaves_out_what_is_no_token_of_ours) {
  static const struct {
    const char *content;
    mode_t mode;
    const char *why;
  } kBad[] = {
      {"token\n", 0644, "127.0.0.1:8450"},
      {"", 0600, "holds no token"},
      {"\n", 0600, "holds no token"},
      {"a\r\nX: y\n", 0600, "holds no token"},
      {"a b\n", 0600, "holds no token"},
  };
  struct running list[kRunningListMax];
  struct key_error error;
  enter();
  for (size_t i = 0; i < sizeof(kBad) / sizeof(kBad[0]); i++) {
    put("127.0.0.1:8450", kBad[i].content, kBad[i].mode, 1000);
    cr_expect_eq(running_list_read(list, ".", &error), 0, "%zu", i);
    cr_expect(strstr(error.text, kBad[i].why), "%zu: %s", i, error.text);
  }
  char much[kRunningListTokenSize + 2];
  memset(much, 'a', sizeof(much));
  much[sizeof(much) - 1] = '\0';
  put("127.0.0.1:8450", much, 0600, 1000);
  cr_expect_eq(running_list_read(list, ".", &error), 0);
}

Test(running_list, is_bounded) {
  struct running list[kRunningListMax];
  struct key_error error;
  char name[64];
  enter();
  for (int i = 0; i < kRunningListMax + 3; i++) {
    snprintf(name, sizeof(name), "127.0.0.1:%d", 1000 + i);
    put(name, "token", 0600, 1000);
  }
  cr_expect_eq(running_list_read(list, ".", &error), kRunningListMax);
}

Test(running_list, is_asked_within_this_machine_alone) {
  static const struct {
    const char *listens;
    const char *asked;  // NULL: not at all
  } kCases[] = {
      {"127.0.0.1:1", "127.0.0.1:1"}, {"127.0.0.9:1", "127.0.0.9:1"},
      {"[::1]:2", "[::1]:2"},         {"0.0.0.0:3", "127.0.0.1:3"},
      {"[::]:4", "[::1]:4"},          {"192.0.2.1:5", NULL},
      {"[2001:db8::1]:6", NULL},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    struct running running = {.token = "t"};
    struct address address;
    char text[kAddressTextSize];
    cr_assert(address_from_host_port(&running.address, kCases[i].listens));
    bool ok = running_reach(&address, &running);
    cr_expect_eq(ok, kCases[i].asked != NULL, "%s", kCases[i].listens);
    if (ok && kCases[i].asked != NULL) {
      cr_expect_str_eq(address_format(text, &address), kCases[i].asked);
    }
  }
}
