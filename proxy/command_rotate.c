#include "proxy/command_rotate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "keys/rotation.h"
#include "proxy/command_line.h"

static const char kHelp[] =
    "usage: echproxy rotate DIR PUBLIC_NAME --keep N [OPTION]...\n"
    "\n"
    "Makes the next ECH key of a server in DIR, moves the others on, and "
    "removes\n"
    "those that no client can have any more. A key is first next (servers "
    "load it),\n"
    "then current (published), then old (still loaded). Afterwards reload the "
    "server,\n"
    "then publish DIR/current.pem: in that order no client meets a key that "
    "the\n"
    "server does not have (docs/ROTATION.md).\n"
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
    "  --max-name-length N  of new keys, as in keygen\n"
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

enum { kMaxTtl = 0x7fffffff, kMaxSeconds = 366 * 24 * 60 * 60 };

enum option { KEEP, EVERY, TTL, MAX_NAME_LENGTH, DRY_RUN, HELP };

static const struct command_option kOptions[] = {
    [KEEP] = {"keep", 0, true},
    [EVERY] = {"every", 0, true},
    [TTL] = {"ttl", 0, true},
    [MAX_NAME_LENGTH] = {"max-name-length", 0, true},
    [DRY_RUN] = {"dry-run", 0, false},
    [HELP] = {"help", 'h', false},
    {NULL, 0, false},
};

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

// A server whose public name changes is one thing, and a wrong word another.
static void warn_of_name(const struct rotation *rotation,
                         const struct rotation_report *report) {
  if (report->former_name[0] != '\0') {
    command_line_complain(
        "rotate",
        "the newest key in %s was for the public name %s, not %s: the server "
        "needs a certificate that is valid for both while it has keys of both",
        rotation->dir, report->former_name, rotation->public_name);
  }
}

static int print_report(struct command_line *line,
                        const struct rotation *rotation,
                        const struct rotation_report *report) {
  warn_of_name(rotation, report);
  print_done(rotation, report);
  if (report->has_changed) {
    printf("; now reload the server, then publish %s/%s\n", rotation->dir,
           kRotationCurrent);
  } else {
    puts(rotation->dry_run ? "; nothing was changed" : "; nothing to do");
  }
  if (fflush(stdout) != 0 || ferror(stdout)) {
    command_line_set_error(line, "standard output cannot be written");
    return EX_IOERR;
  }
  return EX_OK;
}

// parse_duration reads a number with the unit of seconds, minutes, hours or
// days behind it.
static bool parse_duration(uint32_t *out, const char *text) {
  static const char kUnits[] = "smhd";
  static const long kSeconds[] = {1, 60, 60 * 60, 24 * 60 * 60};
  char digits[16];
  long number;
  size_t len = strlen(text);
  const char *unit = len == 0 ? NULL : strchr(kUnits, text[len - 1]);
  if (unit == NULL || len > sizeof(digits)) {
    return false;
  }
  memcpy(digits, text, len - 1);
  digits[len - 1] = '\0';
  long seconds = kSeconds[unit - kUnits];
  if (!command_line_number(&number, digits, 1, kMaxSeconds / seconds)) {
    return false;
  }
  *out = (uint32_t)(number * seconds);
  return true;
}

static bool take_number(struct command_line *line, long *out,
                        const struct command_word *word, long min, long max) {
  return command_line_take_number(line, out, kOptions[word->option].name,
                                  word->value, min, max);
}

static bool take_argument(struct command_line *line, struct rotation *out,
                          const char *text) {
  if (out->public_name != NULL) {
    return command_line_set_error(
        line, "'%s' is one word too many behind DIR and PUBLIC_NAME", text);
  }
  if (out->dir == NULL) {
    out->dir = text;
  } else {
    out->public_name = text;
  }
  return true;
}

static bool take(struct command_line *line, struct rotation *out, bool *help,
                 const struct command_word *word) {
  long number = 0;
  bool ok = true;
  switch (word->option) {
    case KEEP:
      ok = take_number(line, &number, word, 1, kRotationMaxKept);
      out->keep = (unsigned)number;
      return ok;
    case EVERY:
      return parse_duration(&out->every, word->value) ||
             command_line_set_error(line,
                                    "--every must be a time of a year at most "
                                    "such as 90s, 30m, 1h or 7d, not '%s'",
                                    word->value);
    case TTL:
      ok = take_number(line, &number, word, 0, kMaxTtl);
      out->ttl = (uint32_t)number;
      return ok;
    case MAX_NAME_LENGTH:
      ok = take_number(line, &number, word, 0, 255);
      out->max_name_len = (int)number;
      return ok;
    case DRY_RUN:
      out->dry_run = true;
      return true;
    case HELP:
      *help = true;
      return true;
    default:
      return take_argument(line, out, word->value);
  }
}

static bool check(struct command_line *line, const struct rotation *rotation) {
  if (rotation->public_name == NULL) {
    return command_line_set_error(
        line,
        "a directory and a public name are needed (see echproxy rotate "
        "--help)");
  }
  return rotation->keep > 0 ||
         command_line_set_error(line,
                                "--keep N is needed: how many keys the server "
                                "keeps for clients with an older record");
}

static bool parse(struct command_line *line, struct rotation *out, bool *help,
                  int argc, char **argv) {
  if (!command_line_parse(line, kOptions, "rotate", argc, argv)) {
    return false;
  }
  for (size_t i = 0; i < line->num_words; i++) {
    if (!take(line, out, help, &line->words[i])) {
      return false;
    }
  }
  return *help || check(line, out);
}

static int run(struct command_line *line, int argc, char **argv) {
  struct rotation rotation = {.max_name_len = -1, .ttl = 1800};
  struct rotation_report report;
  struct key_error error;
  bool help = false;
  if (!parse(line, &rotation, &help, argc, argv)) {
    return EX_USAGE;
  }
  if (help) {
    fputs(kHelp, stdout);
    return EX_OK;
  }
  enum rotation_status status = rotation_run(&rotation, &report, &error);
  if (status != ROTATION_OK) {
    command_line_set_error(line, "%s%s", error.text,
                           status == ROTATION_BAD_KEY
                               ? "; servers cannot load it either: put it "
                                 "back or remove it"
                               : "");
    return exit_code(status);
  }
  return print_report(line, &rotation, &report);
}

int command_rotate(int argc, char **argv) {
  struct command_line line;
  int code = run(&line, argc, argv);
  if (code != EX_OK) {
    fprintf(stderr, "echproxy rotate: %s\n", line.error);
  }
  command_line_cleanup(&line);
  return code;
}
