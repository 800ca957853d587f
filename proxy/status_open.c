#include "proxy/status_open.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keys/secret_file.h"
#include "proxy/running_file.h"
#include "roots/text.h"

const char *status_url(char out[kStatusUrlSize],
                       const struct running *running) {
  struct address address;
  char text[kAddressTextSize];
  running_reach(&address, running);
  snprintf(out, kStatusUrlSize, "http://%s/#%s", address_format(text, &address),
           running->token);
  return out;
}

// It goes on when we are gone, and has no part in our terminal.
static int spawn_alone(const char *const argv[]) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  pid_t pid;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  int err = posix_spawnp(&pid, argv[0], &actions, &attributes,
                         (char *const *)(uintptr_t)argv, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return err;
}

static bool open_file(const char *path, struct key_error *out_error) {
  int err = spawn_alone((const char *const[]){"xdg-open", path, NULL});
  if (err == ENOENT) {
    key_error_set(out_error,
                  "there is no xdg-open (Debian's xdg-utils) to open it with");
  } else if (err != 0) {
    key_error_set(out_error, "xdg-open: %s", strerror(err));
  }
  return err == 0;
}

bool status_open(const char *state_dir, const char *url,
                 struct key_error *out_error) {
  char *path = text_format("%s/running/%s", state_dir, kRunningPage);
  char *page = text_format(
      "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n"
      "<title>echproxy</title>\n<script>location.replace(\"%s\")</script>\n"
      "<p><a href=\"%s\">The status page</a>\n",
      url, url);
  bool ok = secret_file_write(path, (const uint8_t *)page, strlen(page),
                              SECRET_FILE_PRIVATE, true, out_error) &&
            open_file(path, out_error);
  free(page);
  free(path);
  return ok;
}
