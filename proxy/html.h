// html writes the proxy's pages: one style for all, nothing from outside, and
// every text escaped.

#ifndef ECHPROXY_PROXY_HTML_H
#define ECHPROXY_PROXY_HTML_H

#include "net/worker.h"

// The header lines that go with every page without a nonce.
extern const char kHtmlFields[];

// html_raw appends `markup` as it is.
void html_raw(struct bytes *out, const char *markup);

// html_text appends `text` escaped, good in an element or a quoted attribute.
void html_text(struct bytes *out, const char *text);

// html_prose appends `text` escaped as well; what stands between two backticks
// is something to be typed, which is not broken over lines.
void html_prose(struct bytes *out, const char *text);

// html_element appends <tag>text</tag>, or nothing when `text` is NULL.
void html_element(struct bytes *out, const char *tag, const char *text);

// html_comment appends a line with a comment that `text` cannot end.
void html_comment(struct bytes *out, const char *text);

// html_begin appends everything up to the page's first element, with `title` as
// its title only and `nonce`, unless it is NULL, with its style (Content
// Security Policy); html_end what closes it.
void html_begin(struct bytes *out, const char *title, const char *nonce);
void html_end(struct bytes *out);

#endif
