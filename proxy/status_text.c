#include "proxy/status_text.h"

#include <string.h>

#include "proxy/status_format.h"

enum { kColumns = 79 };

// Where the summary goes, and whether it is coloured.
struct page {
  FILE *out;
  bool colour;
};

static const char *style(const struct page *p, enum terminal_style style) {
  return terminal_style(p->colour, style);
}

static const char *plain(const struct page *p) {
  return style(p, TERMINAL_PLAIN);
}

enum terminal_style status_text_verdict(const char *verdict) {
  static const struct {
    const char *verdict;
    enum terminal_style style;
  } kStyles[] = {
      {"hidden", TERMINAL_GOOD},     {"passed", TERMINAL_WARN},
      {"refused", TERMINAL_BAD},     {"open", TERMINAL_STRONG},
      {"abandoned", TERMINAL_FAINT}, {"upgraded", TERMINAL_GOOD},
  };
  for (size_t i = 0; i < sizeof(kStyles) / sizeof(kStyles[0]); i++) {
    if (strcmp(verdict, kStyles[i].verdict) == 0) {
      return kStyles[i].style;
    }
  }
  return TERMINAL_PLAIN;
}

static bool is_passed(const struct status_row *row) {
  return strcmp(row->verdict, "passed") == 0;
}

// A connection that was reset in the end was reached all the same.
static bool has_failed(const struct status_row *row) {
  return strcmp(row->verdict, "refused") == 0 ||
         (row->seen[0] == '\0' && !is_passed(row));
}

const char *status_text_seen(const struct status_row *row) {
  return has_failed(row)        ? row->cause
         : row->seen[0] == '\0' ? "no name"
                                : row->seen;
}

static void print_proxy(const struct page *p, const struct address *address,
                        const struct status_view *v) {
  char text[kAddressTextSize];
  char age[kStatusFormatSize];
  fprintf(p->out, "echproxy %s runs on %s%s%s for %s, as process %lld\n",
          v->version, style(p, TERMINAL_STRONG), address_format(text, address),
          plain(p), status_format_age(age, v->uptime_s), (long long)v->pid);
}

static void print_mode(const struct page *p, const struct status_view *v) {
  bool strict = strcmp(v->mode, "strict") == 0;
  fprintf(p->out, "  mode          %s: sites without ECH are %s\n", v->mode,
          strict ? "refused" : "passed through");
}

static void print_resolver(const struct page *p, const struct status_view *v) {
  bool failing = strcmp(v->resolver_state, "failing") == 0;
  bool unused = strcmp(v->resolver_state, "unused") == 0;
  enum terminal_style shade = failing  ? TERMINAL_BAD
                              : unused ? TERMINAL_PLAIN
                                       : TERMINAL_GOOD;
  fprintf(p->out, "  resolver      %s%s%s, %s%s%s: %s\n", style(p, shade),
          failing  ? "does not answer"
          : unused ? "not asked yet"
                   : "answers",
          plain(p),
          style(p, v->resolver_encrypted ? TERMINAL_PLAIN : TERMINAL_WARN),
          v->resolver_encrypted ? "encrypted" : "not encrypted", plain(p),
          v->resolver);
  if (failing && v->resolver_error[0] != '\0') {
    fprintf(p->out, "                %s\n", v->resolver_error);
  }
}

static void print_leaves(const struct page *p, const struct status_view *v) {
  bool bad = v->leaves_rejected > 0 && v->leaves_accepted == 0;
  if (v->leaves_accepted + v->leaves_rejected == 0) {
    fprintf(p->out, "  certificates  none was needed yet\n");
    return;
  }
  fprintf(p->out, "  certificates  browsers accepted %llu, %srejected %llu%s\n",
          (unsigned long long)v->leaves_accepted,
          style(p, bad ? TERMINAL_BAD : TERMINAL_PLAIN),
          (unsigned long long)v->leaves_rejected, plain(p));
}

static void print_total(const struct page *p, const struct status_view *v,
                        const char *name, const char *verdict, uint64_t num) {
  enum terminal_style shade =
      num > 0 ? status_text_verdict(verdict) : TERMINAL_PLAIN;
  fprintf(p->out, "  %s%-17s %9llu %4u %%%s\n", style(p, shade), name,
          (unsigned long long)num, status_view_share(v, num), plain(p));
}

// Those that are rare are only there when they happened.
static void print_totals(const struct page *p, const struct status_view *v) {
  char up[kStatusFormatSize];
  char down[kStatusFormatSize];
  fprintf(p->out, "\nConnections since then\n");
  print_total(p, v, "hidden", "hidden", v->hidden);
  print_total(p, v, "passed through", "passed", v->passed);
  print_total(p, v, "refused", "refused", v->refused);
  if (v->upgraded > 0) {
    print_total(p, v, "upgraded to https", "upgraded", v->upgraded);
  }
  if (v->abandoned > 0) {
    print_total(p, v, "abandoned", "abandoned", v->abandoned);
  }
  fprintf(p->out, "  %-17s %9llu\n", "open now", (unsigned long long)v->open);
  fprintf(p->out, "  %s to sites, %s from them\n",
          status_format_bytes(up, v->bytes_up),
          status_format_bytes(down, v->bytes_down));
}

static void print_times(const struct page *p, const char *name,
                        const struct status_times *times) {
  char half[kStatusFormatSize];
  char most[kStatusFormatSize];
  char all[kStatusFormatSize];
  if (times->count > 0) {
    fprintf(p->out, "  %-17s half in %s, 90 %% in %s, 99 %% in %s\n", name,
            status_format_ms(half, times->p50_ms),
            status_format_ms(most, times->p90_ms),
            status_format_ms(all, times->p99_ms));
  }
}

static void print_row(const struct page *p, const struct status_row *row) {
  fprintf(p->out, "  %s  %s%-9s%s  %s", row->time,
          style(p, status_text_verdict(row->verdict)), row->verdict, plain(p),
          row->site);
  const char *seen = status_text_seen(row);
  if (seen[0] != '\0') {
    fprintf(p->out, "%s%s", has_failed(row) ? ": " : ", seen as ", seen);
  }
  fprintf(p->out, "\n");
}

static void print_rows(const struct page *p, const struct status_row *rows,
                       size_t num) {
  if (num > 0) {
    fprintf(p->out, "\nThe newest\n");
  }
  for (size_t i = 0; i < num; i++) {
    print_row(p, &rows[i]);
  }
}

// Prints `text` in lines that end before kColumns.
static void print_wrapped(const struct page *p, const char *indent,
                          const char *text) {
  size_t column = 0;
  while (*text != '\0') {
    size_t len = strcspn(text, " ");
    if (column > 0 && column + 1 + len > kColumns - strlen(indent)) {
      fprintf(p->out, "\n");
      column = 0;
    }
    fprintf(p->out, "%s%.*s", column == 0 ? indent : " ", (int)len, text);
    column += len + (column > 0);
    text += len;
    text += strspn(text, " ");
  }
  fprintf(p->out, "\n");
}

static void print_advice(const struct page *p, const struct status_view *v) {
  if (v->num_advice > 0) {
    fprintf(p->out, "\n%sWhat to do%s\n", style(p, TERMINAL_WARN), plain(p));
  }
  for (size_t i = 0; i < v->num_advice; i++) {
    print_wrapped(p, "  ", v->advice[i].text);
    if (v->advice[i].fix[0] != '\0') {
      fprintf(p->out, "    %s%s%s\n", style(p, TERMINAL_STRONG),
              v->advice[i].fix, plain(p));
    }
  }
}

void status_text_print(FILE *out, const struct address *address,
                       const struct status_view *view,
                       const struct status_row *rows, size_t num_rows,
                       bool colour) {
  const struct page page = {out, colour};
  print_proxy(&page, address, view);
  print_mode(&page, view);
  print_resolver(&page, view);
  print_leaves(&page, view);
  print_totals(&page, view);
  print_times(&page, "lookups", &view->lookup);
  print_times(&page, "handshakes", &view->handshake);
  print_rows(&page, rows, num_rows);
  print_advice(&page, view);
  fprintf(out,
          "\n`echproxy status --open` shows all of it in the browser, --watch "
          "live here.\n");
}
