#include "roots/root_places.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#include "roots/root_bed.h"

static const char *in_home(struct root_bed *bed, const char *path) {
  return scratch_format(bed->s, "%s/%s", bed->home, path);
}

static void make_dir(struct root_bed *bed, const char *path) {
  program_must((const char *const[]){"mkdir", "-p", in_home(bed, path), NULL});
}

static void put_text(struct root_bed *bed, const char *path, const char *text) {
  FILE *file = fopen(in_home(bed, path), "w");
  cr_assert_not_null(file, "%s", path);
  cr_assert_geq(fputs(text, file), 0);
  cr_assert_eq(fclose(file), 0);
}

static struct root_places *find(struct root_bed *bed, const char *data_home,
                                const char *config_home) {
  const struct root_home where = {.home = bed->home,
                                  .data_home = data_home,
                                  .config_home = config_home,
                                  .system_root = bed->home};
  return root_places_find(&where);
}

// expect wants exactly these paths, relative to the home directory, in any
// order.
static void expect(struct root_bed *bed, struct root_places *places,
                   const char *const paths[]) {
  size_t num;
  size_t wanted = 0;
  const struct root_place *all = root_places_all(places, &num);
  for (; paths[wanted] != NULL; wanted++) {
    bool found = false;
    for (size_t i = 0; i < num; i++) {
      found |= strcmp(all[i].path, in_home(bed, paths[wanted])) == 0;
    }
    cr_assert(found, "%s", paths[wanted]);
  }
  cr_assert_eq(num, wanted, "%zu", num);
  root_places_free(places);
}

Test(root_places, has_the_database_that_every_chromium_reads) {
  struct root_bed bed;
  root_bed_open(&bed);
  expect(&bed, find(&bed, NULL, NULL),
         (const char *const[]){".pki/nssdb", NULL});
  root_bed_close(&bed);
}

Test(root_places, has_both_places_of_chromiums_database) {
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, ".local/share/pki/nssdb");
  put_text(&bed, ".local/share/pki/nssdb/cert9.db", "");
  expect(&bed, find(&bed, NULL, NULL),
         (const char *const[]){".local/share/pki/nssdb", NULL});
  make_dir(&bed, ".pki/nssdb");
  put_text(&bed, ".pki/nssdb/cert9.db", "");
  expect(&bed, find(&bed, NULL, NULL),
         (const char *const[]){".pki/nssdb", ".local/share/pki/nssdb", NULL});
  // Elsewhere, if XDG says so; what is not absolute counts for nothing.
  expect(&bed, find(&bed, "relative", NULL),
         (const char *const[]){".pki/nssdb", ".local/share/pki/nssdb", NULL});
  make_dir(&bed, "data/pki/nssdb");
  put_text(&bed, "data/pki/nssdb/cert9.db", "");
  expect(&bed, find(&bed, in_home(&bed, "data"), NULL),
         (const char *const[]){".pki/nssdb", "data/pki/nssdb", NULL});
  root_bed_close(&bed);
}

Test(root_places, has_every_profile_of_every_firefox) {
  static const char *const kDirs[] = {
      ".mozilla/firefox",
      ".config/mozilla/firefox",
      "snap/firefox/common/.mozilla/firefox",
      ".var/app/org.mozilla.firefox/.mozilla/firefox",
      ".var/app/org.mozilla.firefox/config/mozilla/firefox",
  };
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, "far away");
  for (size_t i = 0; i < sizeof(kDirs) / sizeof(kDirs[0]); i++) {
    make_dir(&bed, scratch_format(bed.s, "%s/a.default", kDirs[i]));
    make_dir(&bed, scratch_format(bed.s, "%s/b b", kDirs[i]));
    make_dir(&bed, scratch_format(bed.s, "%s/orphan", kDirs[i]));
    make_dir(&bed, scratch_format(bed.s, "%s/Crash Reports", kDirs[i]));
    put_text(&bed, scratch_format(bed.s, "%s/orphan/cert9.db", kDirs[i]), "");
    put_text(&bed, scratch_format(bed.s, "%s/a.default/cert9.db", kDirs[i]),
             "");
    put_text(&bed, scratch_format(bed.s, "%s/profiles.ini", kDirs[i]),
             scratch_format(bed.s,
                            "[Install4F96D1932A9F858E]\nDefault=a.default\n\n"
                            "[Profile1]\nName=a\nIsRelative=1\n"
                            "Path=a.default\nDefault=1\n\n"
                            "[Profile0]\nName=b\nIsRelative=1\nPath=b b\n\n"
                            "[Profile2]\nName=gone\nIsRelative=1\nPath=gone\n\n"
                            "[Profile3]\nName=far\nIsRelative=0\nPath=%s\n\n"
                            "[General]\nStartWithLastProfile=1\n",
                            in_home(&bed, "far away")));
  }
  const char *wanted[20] = {".pki/nssdb", "far away"};
  size_t num = 2;
  for (size_t i = 0; i < sizeof(kDirs) / sizeof(kDirs[0]); i++) {
    wanted[num++] = scratch_format(bed.s, "%s/a.default", kDirs[i]);
    wanted[num++] = scratch_format(bed.s, "%s/b b", kDirs[i]);
    wanted[num++] = scratch_format(bed.s, "%s/orphan", kDirs[i]);
  }
  expect(&bed, find(&bed, NULL, NULL), wanted);
  root_bed_close(&bed);
}

// What Firefox takes for a path may look like something else to a reader of
// other INI files.
Test(root_places, has_profiles_with_odd_names) {
  static const char *const kOdd[] = {"a ; b", "c # d", "e=f", "-g", "h'\"i"};
  struct root_bed bed;
  char ini[2048] = "\xef\xbb\xbf[Profile0]\r\nPath=first\r\n";
  char far[256] = "far/";
  const char *wanted[16] = {".pki/nssdb", ".mozilla/firefox/first", far};
  root_bed_open(&bed);
  memset(far + strlen(far), 'x', 240);  // more than a line of inih has
  make_dir(&bed, ".mozilla/firefox/first");
  make_dir(&bed, far);
  for (size_t i = 0; i < sizeof(kOdd) / sizeof(kOdd[0]); i++) {
    wanted[3 + i] = scratch_format(bed.s, ".mozilla/firefox/%s", kOdd[i]);
    make_dir(&bed, wanted[3 + i]);
    strcat(ini,
           scratch_format(bed.s, "[Profile%zu]\nPath=%s\n", i + 1, kOdd[i]));
  }
  strcat(ini, scratch_format(bed.s, "[Profile8]\nIsRelative=0\nPath=%s\n",
                             in_home(&bed, far)));
  strcat(ini, "[Profile9]\nPath=\n[Install0]\nPath=first/..\n");
  put_text(&bed, ".mozilla/firefox/profiles.ini", ini);
  expect(&bed, find(&bed, NULL, NULL), wanted);
  root_bed_close(&bed);
}

Test(root_places, does_not_wait_for_a_pipe, .timeout = 20) {
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, ".mozilla/firefox");
  cr_assert_eq(mkfifo(in_home(&bed, ".mozilla/firefox/profiles.ini"), 0600), 0);
  expect(&bed, find(&bed, NULL, NULL),
         (const char *const[]){".pki/nssdb", NULL});
  root_bed_close(&bed);
}

Test(root_places, has_firefox_where_xdg_puts_it) {
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, "conf/mozilla/firefox/a");
  put_text(&bed, "conf/mozilla/firefox/a/cert9.db", "");
  expect(&bed, find(&bed, NULL, in_home(&bed, "conf")),
         (const char *const[]){".pki/nssdb", "conf/mozilla/firefox/a", NULL});
  root_bed_close(&bed);
}

Test(root_places, has_the_homes_of_confined_chromiums) {
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, "snap/chromium/123");
  program_must((const char *const[]){
      "ln", "-s", "123", in_home(&bed, "snap/chromium/current"), NULL});
  make_dir(&bed, ".var/app/org.chromium.Chromium/data/pki/nssdb");
  put_text(&bed, ".var/app/org.chromium.Chromium/data/pki/nssdb/cert9.db", "");
  make_dir(&bed, ".var/app/com.google.Chrome");
  expect(&bed, find(&bed, "/nowhere", NULL),
         (const char *const[]){".pki/nssdb", "snap/chromium/current/.pki/nssdb",
                               ".var/app/org.chromium.Chromium/data/pki/nssdb",
                               ".var/app/com.google.Chrome/.pki/nssdb", NULL});
  root_bed_close(&bed);
}

Test(root_places, has_a_directory_once_that_has_two_names) {
  struct root_bed bed;
  root_bed_open(&bed);
  make_dir(&bed, ".mozilla/firefox/a");
  put_text(&bed, ".mozilla/firefox/a/cert9.db", "");
  make_dir(&bed, ".config/mozilla");
  program_must(
      (const char *const[]){"ln", "-s", in_home(&bed, ".mozilla/firefox"),
                            in_home(&bed, ".config/mozilla/firefox"), NULL});
  expect(&bed, find(&bed, NULL, NULL),
         (const char *const[]){".pki/nssdb", ".mozilla/firefox/a", NULL});
  root_bed_close(&bed);
}
