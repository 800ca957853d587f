#include "proxy/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/html.h"

// Texts come from logs as well as from people: here they are sentences.
static void write_section(struct bytes *out, const char *heading,
                          const char *text,
                          void (*write)(struct bytes *out, const char *text)) {
  if (text == NULL || *text == '\0') {
    return;
  }
  html_element(out, "h2", heading);
  html_raw(out, "<p>");
  write(out, text);
  html_raw(out, text[strlen(text) - 1] == '.' ? "</p>\n" : ".</p>\n");
}

static void write_body(struct bytes *out, const struct page *page) {
  char comment[512];
  snprintf(comment, sizeof(comment), "echproxy: %s",
           page->cause != NULL ? page->cause : page->title);
  html_comment(out, comment);
  html_begin(out, page->title, NULL);
  html_element(out, "h1", page->title);
  if (page->host != NULL) {
    html_raw(out, "<p class=\"host\">");
    html_text(out, page->host);
    html_raw(out, "</p>\n");
  }
  write_section(out, "What failed", page->cause, html_text);
  write_section(out, "What was protected", page->protection, html_text);
  write_section(out, "What you can do", page->advice, html_prose);
  html_element(out, "pre", page->lines);
  html_end(out);
}

void page_write(struct bytes *out, const struct page *page, bool head_only) {
  struct bytes body = {0};
  write_body(&body, page);
  answer_write(out, &(struct answer){.status = page->status,
                                     .phrase = page->phrase,
                                     .type = "text/html; charset=utf-8",
                                     .fields = kHtmlFields,
                                     .body = (const char *)body.data,
                                     .body_len = body.len,
                                     .head_only = head_only});
  free(body.data);
}
