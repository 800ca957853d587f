#include "proxy/state_dir.h"

#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "net/xalloc.h"

static char *join(const char *dir, const char *rest) {
  size_t dir_len = strlen(dir);
  size_t rest_len = strlen(rest);
  char *path = xrealloc(NULL, dir_len + rest_len + 1);
  memcpy(path, dir, dir_len);
  memcpy(path + dir_len, rest, rest_len + 1);
  return path;
}

const char *state_dir_home(void) {
  const char *home = getenv("HOME");
  if (home != NULL && home[0] == '/') {
    return home;
  }
  const struct passwd *user = getpwuid(getuid());
  return user == NULL || user->pw_dir[0] != '/' ? NULL : user->pw_dir;
}

char *state_dir_path(const char *override) {
  if (override != NULL && override[0] != '\0') {
    return xstrdup(override);
  }
  const char *xdg = getenv("XDG_STATE_HOME");
  if (xdg != NULL && xdg[0] == '/') {
    return join(xdg, "/echproxy");
  }
  const char *home = state_dir_home();
  return home == NULL ? NULL : join(home, "/.local/state/echproxy");
}
