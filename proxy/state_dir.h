// state_dir is where the local CA lives between runs.

#ifndef ECHPROXY_PROXY_STATE_DIR_H
#define ECHPROXY_PROXY_STATE_DIR_H

// state_dir_path returns the state directory, released with `free`: `override`
// unless it is NULL or empty, else `$XDG_STATE_HOME/echproxy`, else
// `~/.local/state/echproxy`. A relative XDG_STATE_HOME is ignored, as the XDG
// Base Directory Specification says; without HOME the home directory is that of
// the user database. NULL when there is no home directory at all. Nothing is
// created.
char *state_dir_path(const char *override);

// state_dir_home returns the user's home directory, an absolute path: HOME, or
// what the user database says. NULL when there is none. It is borrowed, from
// the environment or from getpwuid.
const char *state_dir_home(void);

#endif
