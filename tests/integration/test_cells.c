#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "integration/cell_stage.h"

// Many cells run at a time; in the end no name may stand on any tap but its
// own, and there only if its row says so.

enum {
  kMaxAtOnce = 8,      // that end soon
  kFetchSeconds = 40,  // more than any deadline
  kLogMs = 5000,
};

static void start_cell(struct stage *stage, struct cell *cell) {
  const char *value = cell->row->value == NULL
                          ? NULL
                          : stage_fill(stage, cell, cell->row->value);
  const char *const args[] = {cell->row->option, value, NULL};
  stage->scene.proxy = stage_proxy(stage, cell);
  cell->curl = scene_start_fetch(
      &stage->scene,
      &(struct scene_fetch){
          .way = cell->row->way,
          .host = cell->host,
          .port = cell->port,
          .scheme = cell->row->scheme,
          .trust_root_only = cell->expected->outcome == PASSED,
          .args = args},
      kFetchSeconds);
  stage->scene.proxy = NULL;
}

static void report_failure(struct cell *cell, const char *what) {
  fprintf(stderr, "FAILED [%s] %s (%s): %s\n%.300s\n",
          cell->mode == PREFER ? "prefer" : "strict", cell->row->name,
          cell->host, what, peer_output(cell->curl));
}

// Whether one of the texts that '|' parts in `any` is in `text`.
static bool has_any(const char *text, const char *any) {
  while (any != NULL) {
    const char *end = strchr(any, '|');
    size_t len = end == NULL ? strlen(any) : (size_t)(end - any);
    if (memmem(text, strlen(text), any, len) != NULL) {
      return true;
    }
    any = end == NULL ? NULL : end + 1;
  }
  return false;
}

// The proxy's last word about the cell, or NULL.
static const char *log_line(struct stage *stage, const struct cell *cell) {
  struct scratch *s = stage->scene.scratch;
  size_t len = strlen(cell->host);
  len -= cell->host[len - 1] == '.' ? 1 : 0;
  const char *where =
      scratch_format(s, " %.*s:%u ", (int)len, cell->host, cell->port);
  for (int waited_ms = 0; waited_ms < kLogMs; waited_ms += 50) {
    const char *log = peer_output(proxy_process_peer(stage_proxy(stage, cell)));
    const char *at = strcasestr(log, where);
    const char *end = at == NULL ? NULL : strchr(at, '\n');
    if (end != NULL) {
      const char *start = at;
      while (start > log && start[-1] != '\n') {
        start--;
      }
      return scratch_format(s, "%.*s", (int)(end - start), start);
    }
    poll(NULL, 0, 50);
  }
  return NULL;
}

// A request that is malformed opens no tunnel to log, and a tunnel that is
// dropped without a cause here was logged under another name.
static const char *check_log(struct stage *stage, struct cell *cell) {
  static const char *const kVerdicts[] = {[PRIVATE] = " hidden ",
                                          [PASSED] = " passed through ",
                                          [PAGE] = " refused ",
                                          [REFUSED] = " refused ",
                                          [DROPPED] = " refused ",
                                          [UPGRADED] = " upgraded to https ",
                                          [FORWARDED] = " passed through "};
  const struct cell_expected *expected = cell->expected;
  if (expected->status == 400 ||
      (expected->outcome == DROPPED && expected->cause == NULL)) {
    return NULL;
  }
  const char *line = log_line(stage, cell);
  if (line == NULL) {
    return "the log does not name it";
  }
  if (strstr(line, kVerdicts[expected->outcome]) == NULL) {
    return scratch_format(stage->scene.scratch, "another verdict: %s", line);
  }
  if (expected->cause != NULL && !has_any(line, expected->cause)) {
    return scratch_format(stage->scene.scratch, "another cause: %s", line);
  }
  return NULL;
}

// What curl must have written besides.
static const char *answer_of(struct stage *stage, const struct cell *cell,
                             const char *output) {
  struct scratch *s = stage->scene.scratch;
  const struct cell_expected *expected = cell->expected;
  switch (expected->outcome) {
    case PAGE:
      return has_any(output, expected->cause) ? "\n502 " : expected->cause;
    case REFUSED:
      if (cell->row->way == SCENE_SOCKS5) {
        return "";
      }
      return cell->row->scheme == NULL
                 ? scratch_format(s, "response %d", expected->status)
                 : scratch_format(s, "%d 1.1", expected->status);
    case UPGRADED:
      return "307 1.1";
    case DROPPED:
      return "";
    default:
      return cell->row->body == NULL ? "hello from the site" : cell->row->body;
  }
}

static bool is_error(const struct cell *cell) {
  return cell->expected->outcome == DROPPED ||
         (cell->expected->outcome == REFUSED && cell->row->scheme == NULL);
}

static const char *check_answer(struct stage *stage, struct cell *cell) {
  struct scratch *s = stage->scene.scratch;
  int exit_code = peer_wait(cell->curl, (kFetchSeconds + 5) * 1000);
  const char *output = scratch_format(s, "%s", peer_output(cell->curl));
  if (is_error(cell) ? exit_code == 0 || exit_code == 28 : exit_code != 0) {
    return scratch_format(s, "curl exited with %d", exit_code);
  }
  const char *answer = answer_of(stage, cell, output);
  if (strstr(output, answer) == NULL) {
    return scratch_format(s, "the answer lacks '%s'", answer);
  }
  return NULL;
}

static const char *check_wire(struct stage *stage, struct cell *cell) {
  bool name = tap_contains_text(cell->tap, cell->host) ||
              tap_contains_piece(cell->tap, stage->site_point, kPointLen);
  bool public = tap_contains_text(cell->tap, kPublicName);
  switch (cell->expected->wire) {
    case WIRE_PUBLIC:
      return name     ? "the wire shows the site"
             : public ? NULL
                      : "the wire does not show the public name";
    case WIRE_NAME:
      return !name     ? "the wire does not show the site"
             : !public ? NULL
                       : "the wire shows the public name";
    case WIRE_BOTH:
      return name && public ? NULL : "the wire does not show both names";
    case WIRE_HIDDEN:
      return tap_contains_text(cell->tap, cell->host)
                 ? "the wire shows the site"
                 : NULL;
    case WIRE_NOTHING:
      break;
  }
  return tap_num_bytes(cell->tap) == 0 ? NULL : "the wire is not silent";
}

static void finish_cell(struct stage *stage, struct cell *cell) {
  const char *wrong = check_answer(stage, cell);
  wrong = wrong != NULL ? wrong : check_log(stage, cell);
  wrong = wrong != NULL ? wrong : check_wire(stage, cell);
  if (wrong != NULL) {
    report_failure(cell, wrong);
    stage->num_failed++;
  }
  peer_free(cell->curl);
  cell->curl = NULL;
}

static void start_slow(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    if (stage->cells[i].row->is_slow) {
      start_cell(stage, &stage->cells[i]);
    }
  }
}

static void play_quick(struct stage *stage) {
  struct cell *running[kMaxAtOnce] = {NULL};
  size_t num = 0;
  for (size_t i = 0; i < stage->num_cells; i++) {
    struct cell *cell = &stage->cells[i];
    if (cell->row->is_slow) {
      continue;
    }
    struct cell **place = &running[num++ % kMaxAtOnce];
    if (*place != NULL) {
      finish_cell(stage, *place);
    }
    *place = cell;
    start_cell(stage, cell);
  }
  for (size_t i = 0; i < kMaxAtOnce; i++) {
    if (running[i] != NULL) {
      finish_cell(stage, running[i]);
    }
  }
}

static void finish_slow(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    if (stage->cells[i].row->is_slow) {
      finish_cell(stage, &stage->cells[i]);
    }
  }
}

// No name below site.test stands anywhere but on the tap of a cell that expects
// it.
static void assert_names_stayed_where_they_may(struct stage *stage) {
  for (size_t i = 0; i < stage->num_cells; i++) {
    const struct cell *cell = &stage->cells[i];
    if (cell->expected->wire == WIRE_PUBLIC ||
        cell->expected->wire == WIRE_HIDDEN ||
        cell->expected->wire == WIRE_NOTHING) {
      cr_expect(!tap_contains_text(cell->tap, "site.test"), "%s",
                cell->row->name);
    }
    if (strcasestr(cell->host, "site.test") == NULL) {
      continue;
    }
    for (size_t j = 0; j < stage->num_cells; j++) {
      struct tap *tap = stage->cells[j].tap;
      cr_expect(strcmp(cell->host, stage->cells[j].host) == 0 ||
                    !tap_contains_text(tap, cell->host),
                "%s on the wire of %s", cell->host, stage->cells[j].host);
    }
  }
  // As DNS writes names. Shorter pieces stand in ciphertext by chance.
  static const char kSite[] = "\4site\4test";
  static const char kPublic[] = "\6public\4test";
  for (int i = 0; i < kNumResolvers; i++) {
    struct tap *tap = stage->resolver_taps[i];
    cr_expect_gt(tap_num_bytes(tap), 0);
    cr_expect(!tap_contains(tap, kSite, sizeof(kSite)));
    cr_expect(!tap_contains(tap, kPublic, sizeof(kPublic)));
    cr_expect(!tap_contains_text(tap, "site.test"));
  }
}

Test(cells, end_as_the_table_says_and_show_what_it_says, .timeout = 220) {
  struct stage *stage = stage_open();
  start_slow(stage);
  play_quick(stage);
  finish_slow(stage);
  assert_names_stayed_where_they_may(stage);
  printf("%zu rows, %zu cells, %zu failed\n", stage->num_rows, stage->num_cells,
         stage->num_failed);
  fflush(stdout);
  cr_expect_eq(stage->num_failed, 0);
  stage_close(stage);
}
