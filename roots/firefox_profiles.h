// firefox_profiles finds the profiles of a Firefox, each of which has a
// database of roots of its own.

#ifndef ECHPROXY_ROOTS_FIREFOX_PROFILES_H
#define ECHPROXY_ROOTS_FIREFOX_PROFILES_H

// firefox_profiles_cb receives the path of one profile, valid until it returns.
typedef void firefox_profiles_cb(void *owner, const char *path);

// firefox_profiles_find calls `each` for the profiles that `dir`/profiles.ini
// names, wherever they are, and for other directories in `dir` that hold a
// database. The same one may come twice. None is no failure.
void firefox_profiles_find(const char *dir, firefox_profiles_cb *each,
                           void *owner);

#endif
