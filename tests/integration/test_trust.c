#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/chromium.h"
#include "support/firefox.h"
#include "support/residue.h"
#include "support/scene.h"

enum { kRunMs = 60000, kPageMs = 90000, kNobody = 65534 };

// A user's home directory and a system without a store of roots.
struct user {
  struct scratch *s;
  const char *home;
  const char *path;  // PATH; NULL: ours
  bool is_nobody;    // not root, if we are
};

static struct user user_new(struct scratch *s) {
  return (struct user){.s = s, .home = scratch_dir(s, "their home")};
}

static const char *in_home(const struct user *user, const char *path) {
  return scratch_format(user->s, "%s/%s", user->home, path);
}

static const char *const *environment(const struct user *user) {
  static const char *env[12];
  struct scratch *s = user->s;
  size_t num = 0;
  for (const char *const *e = proxy_process_env(s); *e != NULL; e++) {
    env[num++] = *e;
  }
  env[num++] = scratch_format(s, "HOME=%s", user->home);
  env[num++] = scratch_format(s, "XDG_CONFIG_HOME=%s/.config", user->home);
  env[num++] = scratch_format(s, "XDG_DATA_HOME=%s/.local/share", user->home);
  env[num++] = scratch_format(s, "XDG_STATE_HOME=%s/.local/state", user->home);
  env[num++] =
      scratch_format(s, "ECHPROXY_SYSTEM_ROOT=%s", scratch_path(s, "system"));
  if (user->path != NULL) {
    env[num++] = scratch_format(s, "PATH=%s", user->path);
  }
  cr_assert_lt(num, sizeof(env) / sizeof(env[0]));
  env[num] = NULL;
  return env;
}

// run runs `echproxy` with `args` (NULL at their end), wants `exit_code`, and
// returns all that it wrote.
static const char *run(const struct user *user, int exit_code,
                       const char *const args[]) {
  const char *argv[24] = {NULL};
  size_t num = 0;
  if (user->is_nobody && geteuid() == 0) {
    static const char *const kSetpriv[] = {"/usr/bin/setpriv", "--reuid=65534",
                                           "--regid=65534", "--clear-groups"};
    for (size_t i = 0; i < 4; i++) {
      argv[num++] = kSetpriv[i];
    }
  }
  argv[num++] = ECHPROXY_BINARY;
  for (; *args != NULL; args++) {
    cr_assert_lt(num, 23UL);
    argv[num++] = *args;
  }
  struct program program;
  program_run(&program, argv, environment(user), kRunMs);
  const char *text = scratch_format(user->s, "%s%s", program.out, program.err);
  cr_assert_eq(program.exit_code, exit_code, "%s %s: %d: %s", argv[num - 1],
               argv[num - 2], program.exit_code, text);
  program_cleanup(&program);
  proxy_process_assert_clean(user->s);
  return text;
}

#define RUN(user, exit_code, ...) \
  run(user, exit_code, (const char *const[]){__VA_ARGS__, NULL})

static void assert_says(const char *text, const char *what) {
  cr_assert_not_null(strstr(text, what), "no '%s' in: %s", what, text);
}

// names returns the names of all that is in the home directory.
static const char *names(const struct user *user) {
  struct program program;
  const char *command = scratch_format(user->s, "find '%s' | sort", user->home);
  program_run(&program, (const char *const[]){"sh", "-c", command, NULL}, NULL,
              kRunMs);
  const char *text = scratch_format(user->s, "%s", program.out);
  program_cleanup(&program);
  return text;
}

// make_profile makes a profile of Firefox as its first start does.
static const char *make_profile(const struct user *user, const char *name) {
  const char *dir =
      in_home(user, scratch_format(user->s, ".mozilla/firefox/%s", name));
  program_must((const char *const[]){"mkdir", "-p", dir, NULL});
  program_must((const char *const[]){"certutil", "-N", "--empty-password", "-d",
                                     scratch_format(user->s, "sql:%s", dir),
                                     NULL});
  return dir;
}

static X509 *read_certificate(const char *path) {
  FILE *file = fopen(path, "re");
  cr_assert_not_null(file, "%s", path);
  X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
  cr_assert_not_null(certificate);
  fclose(file);
  return certificate;
}

// Browsers.

enum { kNumBrowsers = 3 };

struct browsers {
  const struct user *user;
  struct scene *scene;
  const char *profiles[2];
};

// browse opens the site in Chromium and in both profiles of Firefox.
static void browse(const struct browsers *b, const char *const texts[2]) {
  struct scratch *s = b->scene->scratch;
  uint16_t port = proxy_process_port(b->scene->proxy);
  const char *url =
      scratch_format(s, "https://%s:%u/", kSiteName, tap_port(b->scene->tap));
  struct peer *peers[kNumBrowsers] = {
      chromium_print_at_home_start(s, port, b->user->home, url),
      firefox_print_with_profile_start(s, port, b->profiles[0], url),
      firefox_print_with_profile_start(s, port, b->profiles[1], url),
  };
  for (size_t i = 0; i < kNumBrowsers; i++) {
    cr_assert_eq(peer_wait(peers[i], kPageMs), 0, "%zu: %s", i,
                 peer_output(peers[i]));
    assert_says(peer_output(peers[i]), texts[i == 0 ? 0 : 1]);
    peer_free(peers[i]);
  }
}

static void browse_and_see_the_site(const struct browsers *b) {
  static const char kHello[] = "hello from the site";
  browse(b, (const char *const[]){kHello, kHello});
}

static void browse_and_be_refused(const struct browsers *b) {
  browse(b, (const char *const[]){"ERR_CERT_AUTHORITY_INVALID",
                                  "insecure certificate"});
}

// The databases are those that the browsers make on their first start.
Test(trust, is_given_to_real_browsers_and_taken_back, .timeout = 240) {
  struct scene scene;
  scene_open(&scene);
  scene_start(&scene);
  struct user user = user_new(scene.scratch);
  const struct browsers browsers = {
      .user = &user,
      .scene = &scene,
      .profiles = {in_home(&user, ".mozilla/firefox/one"),
                   in_home(&user, ".mozilla/firefox/two")}};
  for (size_t i = 0; i < 2; i++) {
    program_must(
        (const char *const[]){"mkdir", "-p", browsers.profiles[i], NULL});
  }
  const char *state = scratch_path(scene.scratch, "state");
  browse_and_be_refused(&browsers);
  RUN(&user, 0, "trust", "--state-dir", state);
  browse_and_see_the_site(&browsers);
  RUN(&user, 0, "untrust", "--state-dir", state);
  X509 *ca = read_certificate(scratch_path(scene.scratch, "state/ca.pem"));
  const char *const dirs[] = {browsers.profiles[0], browsers.profiles[1],
                              in_home(&user, ".pki/nssdb"),
                              in_home(&user, ".local/share/pki/nssdb")};
  for (size_t i = 0; i < 4; i++) {
    cr_assert_not(residue_found(dirs[i], ca), "%s", dirs[i]);
  }
  browse_and_be_refused(&browsers);
  for (size_t i = 0; i < 4; i++) {
    cr_assert_not(residue_found(dirs[i], ca), "%s", dirs[i]);
  }
  X509_free(ca);
  scene_close(&scene);
}

// The command.

Test(trust, leaves_a_home_directory_as_it_was, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  make_profile(&user, "a.default");
  make_profile(&user, "b's own");
  program_must((const char *const[]){"mkdir", "-p",
                                     in_home(&user, ".local/state"), NULL});
  const char *before = names(&user);
  for (int i = 0; i < 2; i++) {
    RUN(&user, 0, "trust");
    const char *trusted = RUN(&user, 0, "trust", "--list");
    assert_says(trusted, "trusted                Firefox, profile b's own");
    assert_says(RUN(&user, 0, "trust"), "trusted already");
    RUN(&user, 0, "untrust");
    assert_says(RUN(&user, 0, "untrust", "--delete"), "key is deleted");
    assert_says(RUN(&user, 0, "untrust", "--delete"), "There is no CA in ");
    cr_assert_str_eq(names(&user), before);
  }
  scratch_free(s);
}

Test(trust, keeps_one_line_for_each_store, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  make_profile(&user, "a\nb\x1b");
  assert_says(RUN(&user, 0, "trust"), "profile a?b? ");
  scratch_free(s);
}

// Each makes the database that is not there, or finds it half made.
Test(trust, can_run_several_times_at_once, .timeout = 120) {
  static const char kScript[] =
      "for i in 1 2 3 4; do '%s' trust & all=\"$all $!\"; done; "
      "for one in $all; do wait $one || exit 1; done";
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  make_profile(&user, "a.default");
  struct program program;
  program_run(
      &program,
      (const char *const[]){"sh", "-c",
                            scratch_format(s, kScript, ECHPROXY_BINARY), NULL},
      environment(&user), kRunMs);
  cr_assert_eq(program.exit_code, 0, "%s%s", program.out, program.err);
  program_cleanup(&program);
  RUN(&user, 0, "trust", "--list");
  RUN(&user, 0, "untrust");
  scratch_free(s);
}

Test(trust, changes_nothing_when_it_is_only_asked, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  make_profile(&user, "a.default");
  const char *before = names(&user);
  assert_says(RUN(&user, 1, "trust", "--list"), "no database yet");
  assert_says(RUN(&user, 0, "trust", "--dry-run"), "would be trusted");
  assert_says(RUN(&user, 0, "untrust", "--dry-run", "--delete"),
              "There is no CA in ");
  RUN(&user, 0, "untrust");
  cr_assert_str_eq(names(&user), before);
  RUN(&user, 0, "trust");
  const char *after = names(&user);
  const char *dry_run = RUN(&user, 0, "untrust", "--dry-run", "--delete");
  assert_says(dry_run, "would be removed");
  assert_says(dry_run, "would be deleted");
  cr_assert_str_eq(names(&user), after);
  RUN(&user, 0, "trust", "--list");
  scratch_free(s);
}

Test(trust, goes_from_a_ca_to_the_one_that_replaces_it, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  const char *profile = make_profile(&user, "a.default");
  const char *pem = in_home(&user, ".local/state/echproxy/ca.pem");
  RUN(&user, 0, "trust");
  X509 *old = read_certificate(pem);
  const char *said = RUN(&user, 0, "ca", "--rotate");
  assert_says(said, pem);
  assert_says(said, "removed                Firefox, profile a.default");
  assert_says(said, "run `echproxy trust`");
  assert_says(said, "goes on with the old one");
  cr_assert_not(residue_found(profile, old));
  RUN(&user, 1, "trust", "--list");
  RUN(&user, 0, "trust");
  RUN(&user, 0, "trust", "--list");
  X509_free(old);
  scratch_free(s);
}

// A state directory that somebody has deleted by hand leaves its CA behind.
Test(untrust, removes_lost_cas_when_it_is_asked_to, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  const char *profile = make_profile(&user, "a.default");
  const char *state = in_home(&user, ".local/state/echproxy");
  RUN(&user, 0, "trust");
  X509 *ca = read_certificate(scratch_format(s, "%s/ca.pem", state));
  program_must((const char *const[]){"rm", "-r", state, NULL});
  assert_says(RUN(&user, 0, "untrust"), "`echproxy untrust --all` removes");
  cr_assert(residue_found(profile, ca));
  RUN(&user, 0, "untrust", "--all");
  cr_assert_not(residue_found(profile, ca));
  X509_free(ca);
  scratch_free(s);
}

// The key goes at once; what to look for is kept until nobody trusts it.
Test(untrust, deletes_the_key_even_if_the_certificate_stays, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  const char *profile = make_profile(&user, "a.default");
  const char *state = in_home(&user, ".local/state/echproxy");
  RUN(&user, 0, "trust");
  X509 *ca = read_certificate(scratch_format(s, "%s/ca.pem", state));
  user.path = scratch_dir(s, "empty");
  assert_says(RUN(&user, 1, "untrust", "--delete"), "libnss3-tools");
  cr_assert_neq(access(scratch_format(s, "%s/ca-key.pem", state), F_OK), 0);
  cr_assert(residue_found(profile, ca));
  user.path = NULL;
  RUN(&user, 0, "untrust", "--delete");
  cr_assert_not(residue_found(profile, ca));
  cr_assert_neq(access(state, F_OK), 0);
  X509_free(ca);
  scratch_free(s);
}

Test(trust, says_which_package_is_missing, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  user.path = scratch_dir(s, "empty");
  const char *said = RUN(&user, 1, "trust");
  assert_says(said, "libnss3-tools (Debian, Ubuntu), nss-tools (Fedora)");
  scratch_free(s);
}

// make_system makes one of Fedora's kind that only root may change.
static void make_system(struct scratch *s) {
  static const char kScript[] =
      "mkdir -p system/etc/pki/ca-trust/source/anchors system/usr/bin "
      "system/etc/pki/ca-trust/extracted/pem && "
      "printf '#!/bin/sh\\ncd %s/system/etc/pki/ca-trust && cat "
      "source/anchors/* >extracted/pem/tls-ca-bundle.pem 2>/dev/null; :\\n' "
      "\"$PWD\" >system/usr/bin/update-ca-trust && "
      "chmod 755 system/usr/bin/update-ca-trust && "
      "chmod 555 system/etc/pki/ca-trust/source/anchors";
  program_must(
      (const char *const[]){"sh", "-ec",
                            scratch_format(s, "cd '%s' && chmod 755 . && %s",
                                           scratch_path(s, ""), kScript),
                            NULL});
}

static void give_home_to_nobody(const struct user *user) {
  if (geteuid() == 0) {
    cr_assert_eq(chown(user->home, kNobody, kNobody), 0);
  }
}

Test(trust, needs_root_for_the_system_only, .timeout = 60) {
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  user.is_nobody = true;
  give_home_to_nobody(&user);
  make_system(s);
  const char *anchors =
      scratch_path(s, "system/etc/pki/ca-trust/source/anchors");
  const char *asked = RUN(&user, 0, "trust", "--dry-run");
  assert_says(asked, "needs root");
  cr_assert_null(strstr(asked, "sudo"), "no CA yet to install: %s", asked);
  const char *said = RUN(&user, 0, "trust");
  assert_says(said, "trusted                Chromium");
  assert_says(said, "needs root             system");
  assert_says(
      said,
      scratch_format(s, "sudo install -m 644 '%s' %s/echproxy-",
                     in_home(&user, ".local/state/echproxy/ca.pem"), anchors));
  assert_says(said, "/usr/bin/update-ca-trust\n");
  RUN(&user, 0, "trust", "--list");
  // What root has put there, only root takes away again.
  const char *copy =
      scratch_format(s, "cp '%s' '%s/x.crt' && '%s'",
                     in_home(&user, ".local/state/echproxy/ca.pem"), anchors,
                     scratch_path(s, "system/usr/bin/update-ca-trust"));
  cr_assert_eq(chmod(anchors, 0755), 0);
  program_must((const char *const[]){"sh", "-ec", copy, NULL});
  cr_assert_eq(chmod(anchors, 0555), 0);
  said = RUN(&user, 1, "untrust");
  assert_says(said, "removed                Chromium");
  assert_says(said, scratch_format(s, "sudo rm %s/x.crt && sudo ", anchors));
  cr_assert_eq(chmod(anchors, 0755), 0);
  scratch_free(s);
}

// Files of root in a user's home, and a CA of root's that no browser reads.
Test(trust, is_refused_to_root_in_a_users_place, .timeout = 60) {
  if (geteuid() != 0) {
    cr_skip("only root can be in a user's place");
  }
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  give_home_to_nobody(&user);
  assert_says(RUN(&user, 73, "untrust"), "run it as yourself and without sudo");
  assert_says(RUN(&user, 73, "trust"), "run it as yourself and without sudo");
  cr_assert_neq(access(scratch_format(s, "%s/.local", user.home), F_OK), 0,
                "nothing of root's is put there");
  cr_assert_eq(chown(user.home, 0, 0), 0);
  setenv("SUDO_UID", "1000", 1);
  assert_says(RUN(&user, 73, "untrust"), "run it as yourself and without sudo");
  assert_says(RUN(&user, 73, "trust"), "run it as yourself and without sudo");
  unsetenv("SUDO_UID");
  cr_assert_neq(access(scratch_format(s, "%s/.local", user.home), F_OK), 0);
  scratch_free(s);
}

Test(trust, takes_no_other_words, .timeout = 60) {
  static const char *const kWrong[][3] = {
      {"trust", "--dry", NULL},   {"trust", "--delete", NULL},
      {"trust", "surplus", NULL}, {"untrust", "--list", NULL},
      {"untrust", "--del", NULL}, {"trust", "--list=yes", NULL},
      {"ca", "--fing", NULL},     {"trust", "--mode=strict", NULL},
  };
  struct scratch *s = scratch_new();
  struct user user = user_new(s);
  const char *before = names(&user);
  for (size_t i = 0; i < sizeof(kWrong) / sizeof(kWrong[0]); i++) {
    run(&user, 64, kWrong[i]);
  }
  RUN(&user, 64, "ca", "--pem", "--fingerprint");
  cr_assert_str_eq(names(&user), before);
  scratch_free(s);
}
