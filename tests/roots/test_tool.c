#include "roots/tool.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/leaks.h"

static void run(struct tool_run *out, const char *script) {
  tool_run_init(out, (const char *const[]){"sh", "-c", script, NULL}, 20000);
}

Test(tool, tells_how_a_program_ended_and_what_it_said_last) {
  static const struct {
    const char *script;
    enum tool_outcome outcome;
    const char *last_line;
  } kRuns[] = {
      {"echo done", TOOL_DONE, "done"},
      {"true", TOOL_DONE, ""},
      {"echo one; echo two >&2; echo; exit 3", TOOL_FAILED, "two"},
      {"kill -9 $$", TOOL_FAILED, ""},
      {"cat", TOOL_DONE, ""},                 // there is nothing to read
      {"exec </dev/tty", TOOL_FAILED, NULL},  // and nobody to ask
      {"kill -PIPE $$; echo alive", TOOL_FAILED, ""},  // as programs expect
  };
  for (size_t i = 0; i < sizeof(kRuns) / sizeof(kRuns[0]); i++) {
    struct tool_run tool;
    run(&tool, kRuns[i].script);
    cr_assert_eq(tool.outcome, kRuns[i].outcome, "%zu: %s", i, tool.output);
    if (kRuns[i].last_line != NULL) {
      cr_assert_str_eq(tool_last_line(&tool), kRuns[i].last_line);
    }
    tool_run_cleanup(&tool);
  }
  cr_assert(leaks_none());
}

Test(tool, says_that_a_program_is_missing) {
  struct tool_run tool;
  tool_run_init(&tool, (const char *const[]){"no-such-program", NULL}, 1000);
  cr_assert_eq(tool.outcome, TOOL_MISSING);
  tool_run_cleanup(&tool);
}

Test(tool, keeps_a_bounded_part_of_the_output) {
  struct tool_run tool;
  run(&tool, "head -c 1000000 /dev/zero | tr '\\0' x");
  cr_assert_eq(tool.outcome, TOOL_DONE);
  cr_assert_eq(tool.output_len, 256 * 1024);
  cr_assert_eq(strlen(tool.output), tool.output_len);
  tool_run_cleanup(&tool);
}

// Both ends with what it has started: the pipe would stay open otherwise.
Test(tool, kills_what_takes_too_long, .timeout = 30) {
  static const char *const kScripts[] = {"sleep 100 & sleep 100", "sleep 100",
                                         "exec >&- 2>&-; sleep 100"};
  for (size_t i = 0; i < 3; i++) {
    struct tool_run tool;
    time_t start = time(NULL);
    tool_run_init(&tool, (const char *const[]){"sh", "-c", kScripts[i], NULL},
                  300);
    cr_assert_eq(tool.outcome, TOOL_TIMED_OUT);
    cr_assert_lt(time(NULL) - start, 20);
    tool_run_cleanup(&tool);
  }
  cr_assert(leaks_none());
}
