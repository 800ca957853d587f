#include "proxy/status_shell.h"

#include <string.h>

#include "proxy/html.h"
#include "status/page.h"

static void write_element(struct bytes *out, const char *tag, const char *nonce,
                          const struct embedded_text *content) {
  html_raw(out, "<");
  html_raw(out, tag);
  html_raw(out, " nonce=\"");
  html_text(out, nonce);
  html_raw(out, "\">");
  bytes_append(out, content->data, content->len);
  html_raw(out, "</");
  html_raw(out, tag);
  html_raw(out, ">");
}

// Appends what stands before `marker`, and returns what comes after it.
static const char *write_until(struct bytes *out, const char *text,
                               const char *marker) {
  const char *at = strstr(text, marker);
  if (at == NULL) {
    return text;
  }
  bytes_append(out, text, (size_t)(at - text));
  return at + strlen(marker);
}

void status_shell_write(struct bytes *out, const char *nonce) {
  const char *rest = write_until(out, kStatusPageHtml.data, "<!--STYLE-->");
  write_element(out, "style", nonce, &kStatusPageCss);
  rest = write_until(out, rest, "<!--SCRIPT-->");
  write_element(out, "script", nonce, &kStatusPageJs);
  html_raw(out, rest);
}
