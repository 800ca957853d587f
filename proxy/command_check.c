#include "proxy/command_check.h"

#include <signal.h>
#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "proxy/check_batch.h"
#include "proxy/check_json.h"
#include "proxy/check_list.h"
#include "proxy/check_report.h"
#include "proxy/check_text.h"
#include "proxy/options.h"
#include "proxy/terminal.h"
#include "proxy/trust.h"
#include "proxy/usage.h"

// How the reports are told, and what they have come to.
struct telling {
  const struct options *options;
  struct check_list list;
  bool colour;
  bool has_progress;  // on standard error
  size_t num_told;
  enum check_verdict worst;
};

static bool is_list(const struct telling *t) {
  return t->options->targets.is_list;
}

// Takes the line of progress away, for what is printed in its place.
static void clear_progress(const struct telling *t) {
  if (t->has_progress) {
    fputs("\r\x1b[K", stderr);
  }
}

static void on_progress(void *owner, size_t num_done) {
  const struct telling *t = owner;
  const struct check_targets *targets = &t->options->targets;
  if (!t->has_progress) {
    return;
  }
  clear_progress(t);
  if (num_done < targets->num && is_list(t)) {
    fprintf(stderr, "checked %zu of %zu ...", num_done, targets->num);
  } else if (num_done < targets->num) {
    fprintf(stderr, "checking %s ...", targets->items[0].host);
  }
}

static void tell(struct telling *t, const struct check_report *report) {
  if (t->options->json) {
    fputs(!is_list(t) ? "" : t->num_told == 0 ? "[\n" : ",\n", stdout);
    check_json_print(report);
  } else if (is_list(t)) {
    check_list_print(&t->list, report);
  } else {
    check_text_print(report, t->colour);
  }
}

static void on_report(void *owner, const struct check_report *report) {
  struct telling *t = owner;
  const char *why;
  enum check_verdict verdict = check_report_verdict(report, &why);
  clear_progress(t);
  tell(t, report);
  fflush(stdout);
  t->num_told++;
  t->worst = verdict > t->worst ? verdict : t->worst;
}

static void tell_end(const struct telling *t) {
  if (t->options->json) {
    fputs(!is_list(t) ? "\n" : t->num_told == 0 ? "[]\n" : "\n]\n", stdout);
  } else if (is_list(t)) {
    check_list_print_sum(&t->list);
  }
}

static int check_all(const struct options *options, const struct trust *trust) {
  struct telling t = {
      .options = options,
      .colour = terminal_has_colour(STDOUT_FILENO),
      .has_progress = terminal_is(STDERR_FILENO),
      .worst = CHECK_PRIVATE,
  };
  const struct check_watcher watcher = {&t, on_report, on_progress};
  check_list_init(&t.list, t.colour, &options->targets);
  bool ok = check_batch_run(options, trust, &watcher);
  clear_progress(&t);
  if (!ok) {
    fputs("echproxy: the event loop failed\n", stderr);
    return EX_SOFTWARE;
  }
  tell_end(&t);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("echproxy: standard output");
    return EX_IOERR;
  }
  return (int)t.worst;
}

static int check(const struct options *options) {
  struct trust trust = {NULL, NULL};
  struct key_error error;
  X509 *own_ca = NULL;
  int code = EX_CONFIG;
  if (!trust_read_own_ca(&own_ca, &error, options->state_dir) ||
      !trust_init(&trust, &error, options, own_ca)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
  } else {
    code = check_all(options, &trust);
  }
  trust_cleanup(&trust);
  X509_free(own_ca);
  return code;
}

int command_check(int argc, char **argv) {
  struct options options;
  struct options_error error;
  int code = EX_OK;
  signal(SIGPIPE, SIG_IGN);
  if (!options_parse(&options, &error, OPTIONS_CHECK, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_check(), stdout);
  } else {
    code = check(&options);
  }
  options_cleanup(&options);
  return code;
}
