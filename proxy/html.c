#include "proxy/html.h"

#include <stdbool.h>
#include <string.h>

// The style is inline, and every text is escaped.
const char kHtmlFields[] =
    "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
    "Referrer-Policy: no-referrer\r\n";

static const char kStyle[] =
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--text:#1b1f24;"
    "--quiet:#57606a;--line:#d8dee4;--accent:#9a3412}"
    "@media(prefers-color-scheme:dark){:root{--bg:#15181c;--card:#1e2328;"
    "--text:#e6e9ec;--quiet:#9aa4af;--line:#343b43;--accent:#fdba74}}"
    "*{box-sizing:border-box}"
    "body{margin:0;padding:5vh 1rem;background:var(--bg);color:var(--text);"
    "font:1rem/1.55 system-ui,sans-serif}"
    "main{max-width:40rem;margin:0 auto;padding:1.75rem;background:var(--card);"
    "border:1px solid var(--line);border-radius:.75rem}"
    "h1{margin:0 0 .5rem;font-size:1.45rem;line-height:1.25;"
    "text-wrap:balance}"
    "h2{margin:1.5rem 0 .25rem;font-size:.8rem;font-weight:600;"
    "letter-spacing:.04em;text-transform:uppercase;color:var(--quiet)}"
    "h2+p::first-letter{text-transform:uppercase}"
    "p,ol,ul{margin:.25rem "
    "0;overflow-wrap:anywhere}ol,ul{padding-left:1.4rem}li{margin:.35rem 0}"
    "code,kbd,.host{font-family:ui-monospace,monospace;font-size:.92em;"
    "overflow-wrap:anywhere}"
    "pre{margin:.75rem 0 0;padding:.75rem;white-space:pre-wrap;"
    "overflow-wrap:anywhere;border:1px solid "
    "var(--line);border-radius:.5rem;font:.92em ui-monospace,monospace}"
    "pre+p{margin-top:.75rem}"
    "kbd{display:inline-block;max-width:100%}a{color:var(--accent)}"
    ".host{margin:0;color:var(--accent);font-size:1.05rem}"
    "footer{max-width:40rem;margin:.75rem auto 0;padding:0 1.75rem;"
    "font-size:.85rem;color:var(--quiet)}"
    "@media(max-width:30rem){body{padding:1rem .75rem}main{padding:1.25rem}"
    "footer{padding:0 1.25rem}}";

void html_raw(struct bytes *out, const char *markup) {
  bytes_append(out, markup, strlen(markup));
}

static const char *entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return NULL;
  }
}

static void write_char(struct bytes *out, char c) {
  const char *escaped = entity(c);
  if (escaped != NULL) {
    html_raw(out, escaped);
  } else {
    bytes_append(out, &c, 1);
  }
}

void html_text(struct bytes *out, const char *text) {
  for (; *text != '\0'; text++) {
    write_char(out, *text);
  }
}

void html_prose(struct bytes *out, const char *text) {
  bool is_typed = false;
  for (; *text != '\0'; text++) {
    if (*text == '`') {
      is_typed = !is_typed;
      html_raw(out, is_typed ? "<kbd>" : "</kbd>");
    } else {
      write_char(out, *text);
    }
  }
  html_raw(out, is_typed ? "</kbd>" : "");
}

void html_element(struct bytes *out, const char *tag, const char *text) {
  if (text == NULL) {
    return;
  }
  html_raw(out, "<");
  html_raw(out, tag);
  html_raw(out, ">");
  html_text(out, text);
  html_raw(out, "</");
  html_raw(out, tag);
  html_raw(out, ">\n");
}

void html_comment(struct bytes *out, const char *text) {
  html_raw(out, "<!-- ");
  // A comment knows no entities; "--" and '>' could end it.
  for (char last = '\0'; *text != '\0'; last = *text++) {
    char c = *text;
    c = c == '<' ? '(' : c == '>' ? ')' : (c > '\0' && c < ' ') ? ' ' : c;
    if (c == '-' && last == '-') {
      html_raw(out, " ");
    }
    bytes_append(out, &c, 1);
  }
  html_raw(out, " -->\n");
}

void html_begin(struct bytes *out, const char *title, const char *nonce) {
  html_raw(out,
           "<!doctype html>\n<html lang=\"en\">\n<head>\n"
           "<meta charset=\"utf-8\">\n"
           "<meta name=\"viewport\" content=\"width=device-width\">\n"
           "<meta name=\"robots\" content=\"noindex\">\n"
           // Else a browser asks for /favicon.ico, which means the site's.
           "<link rel=\"icon\" href=\"data:,\">\n");
  html_element(out, "title", title);
  html_raw(out, "<style");
  if (nonce != NULL) {
    html_raw(out, " nonce=\"");
    html_text(out, nonce);
    html_raw(out, "\"");
  }
  html_raw(out, ">");
  html_raw(out, kStyle);
  html_raw(out, "</style>\n</head>\n<body>\n<main>\n");
}

void html_end(struct bytes *out) {
  html_raw(out,
           "</main>\n<footer>This page comes from echproxy, the proxy on this "
           "device. It hides the names of sites with Encrypted ClientHello "
           "(ECH).</footer>\n</body>\n</html>\n");
}
