#include "proxy/command_rotate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h>

#include "keys/rotation.h"
#include "proxy/command_line.h"

static const char kHelp[] =
    "usage: echproxy rotate DIR PUBLIC_NAME --keep N [OPTION]...\n"
    "\n"
    "Makes the next ECH key of a server in DIR, moves the others on, and "
    "removes those\n"
    "that no client can have any more. A key is first next (servers load it), "
    "then\n"
    "current (published), then old (still loaded). Afterwards reload the "
    "server, then\n"
    "publish DIR/current.pem: in that order no client meets a key that the "
    "server\n"
    "does not have (docs/ROTATION.md).\n"
    "\n"
    "nginx:   include DIR/ssl_ech_file.conf;    HAProxy: bind ... ech DIR\n"
    "\n"
    "  --keep N             how many of the keys that were published stay, "
    "with the\n"
    "                       current one, 1 to 50\n"
    "  --every TIME         do nothing while the newest key is younger, such "
    "as 30m,\n"
    "                       1h or 7d; then it can be run by a timer, or twice\n"
    "  --ttl N              the TTL that publish gives the record (default: "
    "1800): a\n"
    "                       key that was published stays for twice as many "
    "seconds\n"
    "                       after the next, whatever N of --keep is\n"
    "  --max-name-length N  of new keys, as in keygen (default: 64)\n"
    "  --dry-run            only say what would be done\n"
    "  -h, --help           print this\n"
    "\n"
    "It exits with 0 also when nothing is due, 64 for a wrong command line, "
    "65 when a\n"
    "key in DIR cannot be used, 73 when DIR cannot be written, 75 when "
    "another\n"
    "rotation of DIR is under way or its keys are replaced too often.\n"
    "\n"
    "Examples:\n"
    "  echproxy rotate /etc/echproxy/ech public.example --keep 3 --every 1h\n"
    "  echproxy rotate /etc/haproxy/ech public.example --keep 2 --dry-run\n";

enum { kMaxTtl = 0x7fffffff };

static int exit_code(enum rotation_status status) {
  switch (status) {
    case ROTATION_OK:
      return EX_OK;
    case ROTATION_BUSY:
    case ROTATION_FULL:
      return EX_TEMPFAIL;
    case ROTATION_BAD_NAME:
      return EX_USAGE;
    case ROTATION_BAD_KEY:
      return EX_DATAERR;
    case ROTATION_BAD_DIR:
    case ROTATION_CANNOT_WRITE:
      break;
  }
  return EX_CANTCREAT;
}

// print_age writes the largest unit that the age fills.
static void print_age(uint32_t seconds) {
  static const struct {
    uint32_t seconds;
    const char *name;
  } kUnits[] = {{24 * 60 * 60, "d"}, {60 * 60, "h"}, {60, "m"}, {0, "s"}};
  int i = 0;
  while (seconds < kUnits[i].seconds) {
    i++;
  }
  printf("%u%s", kUnits[i].seconds == 0 ? seconds : seconds / kUnits[i].seconds,
         kUnits[i].name);
}

static void print_done(const struct rotation *rotation,
                       const struct rotation_report *report) {
  bool dry_run = rotation->dry_run;
  if (report->num_made == 0) {
    printf("%s: not due, the newest key is ", rotation->dir);
    print_age(report->newest_age);
    printf(" old: %s is next, ", report->next);
  } else {
    printf("%s: %s %s the next key, ", rotation->dir,
           dry_run ? "would make" : "made", report->next);
  }
  printf("%s %s, %u old kept, %u %s", report->current,
         dry_run ? "current" : "is current", report->num_old,
         report->num_removed, dry_run ? "to remove" : "removed");
  if (report->num_others > 0) {
    printf(", %u other *.ech left alone", report->num_others);
  }
}

static int print_report(const struct rotation *rotation,
                        const struct rotation_report *report) {
  print_done(rotation, report);
  if (report->has_changed) {
    printf("; now reload the server, then publish %s/%s\n", rotation->dir,
           kRotationCurrent);
  } else {
    puts(rotation->dry_run ? "; nothing was changed" : "; nothing to do");
  }
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("echproxy rotate: standard output");
    return EX_IOERR;
  }
  return EX_OK;
}

static bool check_words(const char *keep, int num_words) {
  if (num_words != 2) {
    return command_line_wrong("rotate",
                              "a directory and a public name are needed, and "
                              "nothing else (see echproxy rotate --help)");
  }
  return keep != NULL ||
         command_line_wrong("rotate",
                            "--keep N is needed: how many keys servers keep "
                            "for clients with an older record");
}

// parse leaves NULL for the directory when help is asked for.
static bool parse(struct rotation *out, int argc, char **argv) {
  const char *help = NULL;
  const char *dry_run = NULL;
  const char *keep = NULL;
  const char *every = NULL;
  const char *ttl = NULL;
  const char *max_name_length = NULL;
  const struct command_option options[] = {
      {"keep", &keep, false},      {"every", &every, false},
      {"ttl", &ttl, false},        {"max-name-length", &max_name_length, false},
      {"dry-run", &dry_run, true}, {"help", &help, true},
      {NULL, NULL, false},
  };
  int num_words;
  uint32_t max_name_len = out->max_name_len;
  if (!command_line_read(&num_words, options, argc, argv)) {
    return false;
  }
  if (help != NULL) {
    return true;
  }
  if (!check_words(keep, num_words) ||
      !command_line_number("rotate", "keep", keep, 1, kRotationMaxKept,
                           &out->keep) ||
      !command_line_number("rotate", "ttl", ttl, 0, kMaxTtl, &out->ttl) ||
      !command_line_number("rotate", "max-name-length", max_name_length, 0, 255,
                           &max_name_len) ||
      !command_line_duration("rotate", "every", every, &out->every)) {
    return false;
  }
  out->max_name_len = (uint8_t)max_name_len;
  out->dry_run = dry_run != NULL;
  out->dir = argv[1];
  out->public_name = argv[2];
  return true;
}

int command_rotate(int argc, char **argv) {
  struct rotation rotation = {.max_name_len = 64, .ttl = 1800};
  struct rotation_report report;
  struct key_error error;
  if (!parse(&rotation, argc, argv)) {
    return EX_USAGE;
  }
  if (rotation.dir == NULL) {
    fputs(kHelp, stdout);
    return EX_OK;
  }
  enum rotation_status status = rotation_run(&rotation, &report, &error);
  if (status != ROTATION_OK) {
    command_line_wrong("rotate", "%s", error.text);
    return exit_code(status);
  }
  return print_report(&rotation, &report);
}
