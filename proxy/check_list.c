#include "proxy/check_list.h"

#include <stdio.h>
#include <string.h>

#include "proxy/terminal.h"

enum {
  kHostSize = kAuthorityHostSize + 8,  // with brackets and a port
  kMaxWidth = 40,                      // a longer name moves its own line only
  kDefaultPort = 443,
};

static const struct {
  const char *word;
  enum terminal_style style;
} kVerdicts[] = {
    [CHECK_PRIVATE] = {"private", TERMINAL_GOOD},
    [CHECK_NOT_PRIVATE] = {"not private", TERMINAL_WARN},
    [CHECK_UNKNOWN] = {"unknown", TERMINAL_BAD},
};

// As the user would write it.
static int write_host(char out[kHostSize], const char *host, uint16_t port) {
  bool is_ipv6 = strchr(host, ':') != NULL;
  if (port == kDefaultPort) {
    return snprintf(out, kHostSize, "%s", host);
  }
  return snprintf(out, kHostSize, "%s%s%s:%u", is_ipv6 ? "[" : "", host,
                  is_ipv6 ? "]" : "", port);
}

void check_list_init(struct check_list *list, bool colour,
                     const struct check_targets *targets) {
  char host[kHostSize];
  *list = (struct check_list){.colour = colour};
  for (size_t i = 0; i < targets->num; i++) {
    int width =
        write_host(host, targets->items[i].host, targets->items[i].port);
    if (width > list->width && width <= kMaxWidth) {
      list->width = width;
    }
  }
}

// What was found in place of the site, in the words of whoever met it.
static void print_failure(const struct check_report *report, const char *why) {
  const struct lookup_answer *a = report->answer;
  const struct check_handshake *h = &report->handshake;
  if (report->connected) {
    printf("%s%s%s", why, h->error[0] != '\0' ? ": " : "", h->error);
  } else if (a->status == LOOKUP_NXDOMAIN || a->detail == NULL) {
    printf("%s", why);
  } else {
    printf("the lookup failed: %s", a->detail);
  }
}

static void print_why(const struct check_report *report,
                      enum check_verdict verdict, const char *why) {
  const struct check_handshake *h = &report->handshake;
  switch (verdict) {
    case CHECK_PRIVATE:
      printf("an observer saw %s%s",
             h->hello.server_name[0] != '\0' ? h->hello.server_name : "no name",
             h->retried ? "; the published ECH is out of date" : "");
      return;
    case CHECK_NOT_PRIVATE:
      printf("%s", why);
      return;
    case CHECK_UNKNOWN:
      print_failure(report, why);
      return;
  }
}

void check_list_print(struct check_list *list,
                      const struct check_report *report) {
  const char *why;
  char host[kHostSize];
  enum check_verdict verdict = check_report_verdict(report, &why);
  list->counts[verdict]++;
  write_host(host, report->host, report->port);
  printf("%s%-11s%s  %-*s  ",
         terminal_style(list->colour, kVerdicts[verdict].style),
         kVerdicts[verdict].word, terminal_style(list->colour, TERMINAL_PLAIN),
         list->width, host);
  print_why(report, verdict, why);
  printf("\n");
}

void check_list_print_sum(const struct check_list *list) {
  size_t sum = 0;
  for (size_t i = 0; i <= CHECK_UNKNOWN; i++) {
    sum += list->counts[i];
  }
  printf("%zu %s: ", sum, sum == 1 ? "host" : "hosts");
  for (size_t i = 0; i <= CHECK_UNKNOWN; i++) {
    bool coloured = list->colour && list->counts[i] > 0;
    printf("%s%s%zu %s%s", i == 0 ? "" : ", ",
           terminal_style(coloured, kVerdicts[i].style), list->counts[i],
           kVerdicts[i].word, terminal_style(coloured, TERMINAL_PLAIN));
  }
  printf("\n");
}
