#include "proxy/command_status.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "net/xalloc.h"
#include "proxy/options.h"
#include "proxy/running_list.h"
#include "proxy/state_dir.h"
#include "proxy/status_client.h"
#include "proxy/status_open.h"
#include "proxy/status_text.h"
#include "proxy/status_view.h"
#include "proxy/status_watch.h"
#include "proxy/terminal.h"
#include "proxy/usage.h"

enum { kNotRunning = 1, kNotAnswering = 2, kSignalBase = 128 };

static const char kStatusPath[] = "/api/status";

// The proxies of the state directory, and the one that is asked.
struct search {
  const struct options *options;
  const char *state_dir;
  struct running list[kRunningListMax];
  size_t num;
  const struct running *chosen;  // NULL: none runs
  char *json;                    // its /api/status; owned
  enum status_outcome outcome;
};

static bool same_address(const struct address *a, const struct address *b) {
  char text[2][kAddressTextSize];
  return strcmp(address_format(text[0], a), address_format(text[1], b)) == 0;
}

static bool is_wanted(const struct search *s, const struct running *running) {
  return !s->options->pick_asked ||
         same_address(&running->address, &s->options->pick);
}

// Asks the newest one first. One that nobody listens for any more was killed;
// one that cannot be asked may have another address.
static void ask(struct search *s) {
  s->outcome = STATUS_NOBODY;
  for (size_t i = 0; i < s->num; i++) {
    enum status_outcome outcome =
        is_wanted(s, &s->list[i])
            ? status_client_get(&s->json, &s->list[i], kStatusPath)
            : STATUS_NOBODY;
    if (outcome != STATUS_NOBODY) {
      s->chosen = &s->list[i];
      s->outcome = outcome;
    }
    if (outcome != STATUS_NOBODY && outcome != STATUS_OFF_MACHINE) {
      return;
    }
  }
}

// A proxy that starts anew while it is asked has another token then.
static void find(struct search *s, struct key_error *out_error) {
  for (int tries = 0; tries < 2; tries++) {
    s->num = running_list_read(s->list, s->state_dir, out_error);
    ask(s);
    if (s->outcome != STATUS_WRONG_TOKEN) {
      return;
    }
  }
}

static int say_not_running(const struct search *s, const char *odd_file) {
  char text[kAddressTextSize];
  fprintf(stderr,
          "echproxy: no proxy is running%s%s with the state directory %s",
          s->options->pick_asked ? " on " : "",
          s->options->pick_asked ? address_format(text, &s->options->pick) : "",
          s->state_dir);
  if (odd_file[0] != '\0') {
    fprintf(stderr, " (%s)", odd_file);
  }
  fputs(
      "; `echproxy run` starts one. Of one that has another state directory, "
      "say which: --state-dir DIR\n",
      stderr);
  return kNotRunning;
}

static int say_not_answering(const struct search *s,
                             enum status_outcome outcome) {
  char text[kAddressTextSize];
  fprintf(stderr, "echproxy: %s: %s\n",
          address_format(text, &s->chosen->address),
          status_outcome_str(outcome));
  return kNotAnswering;
}

// One proxy may listen at several addresses, with one token.
static bool is_another(const struct search *s, const struct running *running) {
  return strcmp(running->token, s->chosen->token) != 0 &&
         status_client_is_there(running);
}

static void say_others(const struct search *s) {
  char text[kAddressTextSize];
  for (size_t i = 0; i < s->num && !s->options->pick_asked; i++) {
    if (is_another(s, &s->list[i])) {
      const char *other = address_format(text, &s->list[i].address);
      fprintf(stderr, "echproxy: another one runs on %s: --listen %s\n", other,
              other);
    }
  }
}

static int finish_output(void) {
  if (fflush(stdout) != 0 || ferror(stdout)) {
    perror("echproxy status: standard output");
    return EX_IOERR;
  }
  return EX_OK;
}

static int print_json(const struct search *s) {
  fputs(s->json, stdout);
  if (s->json[0] == '\0' || s->json[strlen(s->json) - 1] != '\n') {
    fputc('\n', stdout);
  }
  return finish_output();
}

static int print_url(const struct search *s) {
  char url[kStatusUrlSize];
  puts(status_url(url, s->chosen));
  return finish_output();
}

static int open_page(const struct search *s) {
  char url[kStatusUrlSize];
  struct key_error error;
  bool ok = status_open(s->state_dir, status_url(url, s->chosen), &error);
  if (!ok) {
    fprintf(stderr, "echproxy status: %s\n", error.text);
  }
  puts(url);
  int code = finish_output();
  return ok ? code : EX_CANTCREAT;
}

static int print_summary(const struct search *s,
                         const struct status_view *view) {
  struct address address;
  char *json = NULL;
  size_t num = 0;
  struct status_row *rows = xcalloc(kStatusTextRows, sizeof(*rows));
  if (status_client_get(&json, s->chosen, "/api/visits") == STATUS_DONE) {
    num = status_rows_read(rows, kStatusTextRows, json);
  }
  running_reach(&address, s->chosen);
  status_text_print(stdout, &address, view, rows, num,
                    terminal_has_colour(STDOUT_FILENO));
  free(json);
  free(rows);
  return finish_output();
}

static int watch(const struct search *s) {
  int signal = 0;
  char text[kAddressTextSize];
  enum status_outcome outcome = status_watch_run(s->chosen, &signal);
  if (outcome == STATUS_MORE) {
    return signal == 0 ? EX_OK : kSignalBase + signal;
  }
  // It ends what it says properly when it stops, while it listens still.
  if (outcome != STATUS_DONE && status_client_is_there(s->chosen)) {
    return say_not_answering(s, outcome);
  }
  fprintf(stderr, "echproxy: the proxy on %s has stopped\n",
          address_format(text, &s->chosen->address));
  return kNotRunning;
}

static int show(const struct search *s) {
  const struct options *options = s->options;
  struct status_view view;
  if (!status_view_read(&view, s->json)) {
    return say_not_answering(s, STATUS_NOT_OURS);
  }
  say_others(s);
  return options->watch  ? watch(s)
         : options->json ? print_json(s)
         : options->open ? open_page(s)
         : options->url  ? print_url(s)
                         : print_summary(s, &view);
}

static int status(const struct options *options, const char *state_dir) {
  struct key_error error;
  struct search s = {.options = options, .state_dir = state_dir};
  int code;
  find(&s, &error);
  if (s.outcome == STATUS_DONE) {
    code = show(&s);
  } else if (s.outcome == STATUS_NOBODY) {
    code = say_not_running(&s, error.text);
  } else {
    code = say_not_answering(&s, s.outcome);
  }
  free(s.json);
  running_list_wipe(s.list);
  return code;
}

// What is wrong with the options, or NULL.
static const char *contradiction(const struct options *options) {
  if (options->json + options->watch + options->url + options->open > 1) {
    return "--json, --watch, --url and --open are different things to do: "
           "name one";
  }
  if (options->watch && !status_watch_possible()) {
    return "--watch needs a terminal for its input and its output; without "
           "one, --json can be asked again and again";
  }
  return NULL;
}

static int find_and_show(const struct options *options) {
  const char *why = contradiction(options);
  if (why != NULL) {
    fprintf(stderr, "echproxy status: %s\n", why);
    return EX_USAGE;
  }
  char *dir = state_dir_path(options->state_dir);
  if (dir == NULL) {
    fputs("echproxy status: no home directory; name one with --state-dir\n",
          stderr);
    return EX_CANTCREAT;
  }
  int code = status(options, dir);
  free(dir);
  return code;
}

int command_status(int argc, char **argv) {
  struct options options;
  struct options_error error;
  int code = EX_OK;
  if (!options_parse(&options, &error, OPTIONS_STATUS, argc, argv)) {
    fprintf(stderr, "echproxy: %s\n", error.text);
    code = error.exit_code;
  } else if (options.help) {
    fputs(usage_status(), stdout);
  } else {
    code = find_and_show(&options);
  }
  options_cleanup(&options);
  return code;
}
