#include "proxy/status_screen.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proxy/status_format.h"
#include "proxy/status_text.h"
#include "proxy/terminal.h"

enum {
  kTextSize = 1024,
  kSilentTooLong = 20,  // a proxy says something every 15 seconds
  kBarMin = 20,         // columns
  kBarMax = 60,
  kAdviceLines = 3,
  kLeastRows = 8,  // lines that advice leaves to connections
};

// One line that is being drawn. Nothing goes beyond its end.
struct line {
  struct bytes *out;
  bool colour;
  size_t left;  // columns
};

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

void status_screen_enter(struct bytes *out) {
  append(out, "\x1b[?1049h\x1b[?25l\x1b[?7l");
}

void status_screen_leave(struct bytes *out) {
  append(out, "\x1b[?7h\x1b[?25h\x1b[?1049l");
}

__attribute__((format(printf, 3, 4))) static void put(struct line *line,
                                                      enum terminal_style style,
                                                      const char *format, ...) {
  char text[kTextSize];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  terminal_cut(text, line->left);
  if (text[0] == '\0') {
    return;
  }
  line->left -= terminal_columns(text);
  if (style != TERMINAL_PLAIN) {
    append(line->out, terminal_style(line->colour, style));
  }
  append(line->out, text);
  if (style != TERMINAL_PLAIN) {
    append(line->out, terminal_style(line->colour, TERMINAL_PLAIN));
  }
}

// Puts a column of `width`, with a blank behind it.
static void put_column(struct line *line, enum terminal_style style,
                       size_t width, const char *text) {
  char cut[kTextSize];
  terminal_copy(cut, sizeof(cut), text);
  terminal_cut(cut, width);
  int fill = (int)(width + 1 - terminal_columns(cut));
  put(line, style, "%s", cut);
  put(line, TERMINAL_PLAIN, "%*s", fill, "");
}

// The screen while it is drawn.
struct canvas {
  const struct status_screen *screen;
  struct bytes *out;
  unsigned left;  // lines
};

// Begins the next line. False when there is no room for it.
static bool next_line(struct canvas *c, struct line *line) {
  if (c->left == 0) {
    return false;
  }
  // Cleared before it is written: behind its last column nothing can be.
  append(c->out, c->left == c->screen->lines ? "\x1b[H\x1b[K" : "\r\n\x1b[K");
  c->left--;
  *line = (struct line){c->out, c->screen->colour, c->screen->columns};
  return true;
}

static void draw_title(struct canvas *c) {
  const struct status_screen *s = c->screen;
  const struct status_view *v = s->view;
  struct line line;
  char text[kAddressTextSize];
  char age[kStatusFormatSize];
  if (!next_line(c, &line)) {
    return;
  }
  put(&line, TERMINAL_STRONG, "echproxy %s", v->version);
  put(&line, TERMINAL_PLAIN, " on %s, %s, for %s",
      address_format(text, s->address), v->mode,
      status_format_age(age, v->uptime_s));
  if (s->silent_s >= kSilentTooLong) {
    put(&line, TERMINAL_BAD, "  silent for %s",
        status_format_age(age, s->silent_s));
  }
  put(&line, TERMINAL_FAINT, "  q quits");
}

static void draw_resolver(struct canvas *c) {
  const struct status_view *v = c->screen->view;
  struct line line;
  if (!next_line(c, &line)) {
    return;
  }
  bool failing = strcmp(v->resolver_state, "failing") == 0;
  put(&line, TERMINAL_PLAIN, "resolver ");
  put(&line, failing ? TERMINAL_BAD : TERMINAL_PLAIN, "%s", v->resolver_state);
  put(&line, v->resolver_encrypted ? TERMINAL_PLAIN : TERMINAL_WARN, ", %s",
      v->resolver_encrypted ? "encrypted" : "not encrypted");
  put(&line, TERMINAL_PLAIN, ": %s",
      failing && v->resolver_error[0] != '\0' ? v->resolver_error
                                              : v->resolver);
}

static void put_total(struct line *line, const struct status_view *v,
                      enum terminal_style style, const char *name,
                      uint64_t num) {
  put(line, num > 0 ? style : TERMINAL_PLAIN, "%s %llu", name,
      (unsigned long long)num);
  put(line, TERMINAL_PLAIN, " (%u %%)  ", status_view_share(v, num));
}

static void draw_totals(struct canvas *c) {
  const struct status_view *v = c->screen->view;
  struct line line;
  char up[kStatusFormatSize];
  char down[kStatusFormatSize];
  if (!next_line(c, &line)) {
    return;
  }
  put_total(&line, v, TERMINAL_GOOD, "hidden", v->hidden);
  put_total(&line, v, TERMINAL_WARN, "passed", v->passed);
  put_total(&line, v, TERMINAL_BAD, "refused", v->refused);
  put(&line, TERMINAL_PLAIN, "open %llu  %s up, %s down",
      (unsigned long long)v->open, status_format_bytes(up, v->bytes_up),
      status_format_bytes(down, v->bytes_down));
}

static void put_part(struct line *line, enum terminal_style style, char mark,
                     size_t width) {
  char text[kBarMax + 1];
  memset(text, mark, width);
  text[width] = '\0';
  put(line, style, "%s", text);
}

// The shares as a bar, each with a mark of its own besides its colour.
static void draw_bar(struct canvas *c) {
  const struct status_view *v = c->screen->view;
  uint64_t all = v->hidden + v->passed + v->refused;
  struct line line;
  size_t width = c->screen->columns < 2 ? 0 : c->screen->columns - 2;
  width = width > kBarMax ? kBarMax : width;
  if (all == 0 || width < kBarMin || !next_line(c, &line)) {
    return;
  }
  size_t hidden = (size_t)((double)width * (double)v->hidden / (double)all);
  size_t refused = (size_t)((double)width * (double)v->refused / (double)all);
  size_t passed = v->passed > 0 ? width - hidden - refused : 0;
  hidden = v->passed > 0 || v->hidden == 0 ? hidden : width - refused;
  put(&line, TERMINAL_PLAIN, "[");
  put_part(&line, TERMINAL_GOOD, '#', hidden);
  put_part(&line, TERMINAL_WARN, '-', passed);
  put_part(&line, TERMINAL_BAD, '!', refused);
  put(&line, TERMINAL_PLAIN, "]");
}

static void put_times(struct line *line, const char *name,
                      const struct status_times *times) {
  char half[kStatusFormatSize];
  char all[kStatusFormatSize];
  put(line, TERMINAL_PLAIN, "%s half in %s, 99 %% in %s", name,
      status_format_ms(half, times->p50_ms),
      status_format_ms(all, times->p99_ms));
}

static void draw_times(struct canvas *c) {
  const struct status_view *v = c->screen->view;
  struct line line;
  if (v->lookup.count + v->handshake.count == 0 || !next_line(c, &line)) {
    return;
  }
  if (v->lookup.count > 0) {
    put_times(&line, "lookups", &v->lookup);
  }
  if (v->handshake.count > 0) {
    put(&line, TERMINAL_PLAIN, "%s", v->lookup.count > 0 ? "; " : "");
    put_times(&line, "handshakes", &v->handshake);
  }
}

// Draws `text` in as many lines as it needs, kAdviceLines at most.
static void draw_wrapped(struct canvas *c, const char *text) {
  struct line line;
  size_t columns = c->screen->columns;
  for (int i = 0; i < kAdviceLines && *text != '\0' && next_line(c, &line);
       i++) {
    size_t len = strlen(text);
    if (len > columns && i + 1 < kAdviceLines) {
      len = columns;
      while (len > 0 && text[len] != ' ') {
        len--;
      }
      len = len > 0 ? len : columns;
    }
    put(&line, TERMINAL_WARN, "%.*s", (int)len, text);
    text += len;
    text += strspn(text, " ");
  }
}

static void draw_advice(struct canvas *c) {
  const struct status_view *v = c->screen->view;
  for (size_t i = 0; i < v->num_advice && c->left > kLeastRows; i++) {
    const char *fix = v->advice[i].fix;
    char text[kTextSize];
    snprintf(text, sizeof(text), "%s%s%s", fix, fix[0] != '\0' ? ": " : "",
             v->advice[i].text);
    draw_wrapped(c, text);
  }
}

// The columns' widths, 0 for one that there is no room for.
struct widths {
  size_t time;
  size_t verdict;
  size_t site;
  size_t seen;
  size_t bytes;
  size_t took;
};

static struct widths widths_for(size_t columns) {
  struct widths w = {.verdict = 9};
  w.time = columns >= 60 ? 8 : 0;
  w.bytes = columns >= 50 ? 6 : 0;
  w.took = columns >= 70 ? 11 : 0;
  size_t used = w.verdict + 1 + (w.time > 0 ? w.time + 1 : 0) +
                (w.bytes > 0 ? w.bytes + 1 : 0) + (w.took > 0 ? w.took + 1 : 0);
  size_t rest = columns > used ? columns - used : 1;
  w.seen = rest >= 30 ? (rest - 2) * 45 / 100 : 0;
  w.site = w.seen > 0 ? rest - w.seen - 2 : rest - 1;
  return w;
}

// What a row's columns hold.
struct cells {
  const char *time;
  const char *verdict;
  const char *site;
  const char *seen;
  const char *bytes;
  const char *took;
};

static void put_cells(struct line *line, const struct widths *w,
                      enum terminal_style style, enum terminal_style rest,
                      const struct cells *cells) {
  if (w->time > 0) {
    put_column(line, rest, w->time, cells->time);
  }
  put_column(line, style, w->verdict, cells->verdict);
  put_column(line, rest, w->site, cells->site);
  if (w->seen > 0) {
    put_column(line, rest, w->seen, cells->seen);
  }
  if (w->bytes > 0) {
    put_column(line, rest, w->bytes, cells->bytes);
  }
  if (w->took > 0) {
    put_column(line, rest, w->took, cells->took);
  }
}

static void draw_row(struct line *line, const struct widths *w,
                     const struct status_row *row) {
  char bytes[kStatusFormatSize];
  char took[kStatusFormatSize];
  const struct cells cells = {
      .time = row->time,
      .verdict = row->verdict,
      .site = row->site,
      .seen = status_text_seen(row),
      .bytes = status_format_bytes(bytes, row->bytes_up + row->bytes_down),
      .took = status_format_ms(took, (double)row->duration_ms),
  };
  put_cells(line, w, status_text_verdict(row->verdict), TERMINAL_PLAIN, &cells);
}

static void draw_rows(struct canvas *c) {
  static const struct cells kHeads = {"TIME",    "WHAT",  "SITE",
                                      "SEEN AS", "BYTES", "FOR"};
  const struct status_rows *rows = c->screen->rows;
  struct widths w = widths_for(c->screen->columns);
  struct line line;
  if (!next_line(c, &line) || !next_line(c, &line)) {
    return;
  }
  put_cells(&line, &w, TERMINAL_STRONG, TERMINAL_STRONG, &kHeads);
  for (size_t i = 0; i < rows->num && next_line(c, &line); i++) {
    draw_row(&line, &w, &rows->items[i]);
  }
  if (rows->num == 0 && next_line(c, &line)) {
    put(&line, TERMINAL_FAINT, "No connection yet.");
  }
}

void status_screen_draw(struct bytes *out, const struct status_screen *screen) {
  struct canvas canvas = {screen, out, screen->lines};
  draw_title(&canvas);
  draw_resolver(&canvas);
  draw_totals(&canvas);
  draw_bar(&canvas);
  draw_times(&canvas);
  draw_advice(&canvas);
  draw_rows(&canvas);
  if (canvas.left > 0) {
    append(out, "\r\n\x1b[J");
  }
}
