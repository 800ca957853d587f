#include "proxy/local_page.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/authority.h"
#include "proxy/html.h"
#include "proxy/terms.h"

static void write_setup(struct bytes *out, const struct proxy *proxy,
                        const char *address) {
  html_element(out, "h2", "Point a browser at it");
  html_raw(out,
           "<p>Set this address as the HTTP proxy, for HTTPS too, or as the "
           "SOCKS v5 proxy with names resolved by the proxy:</p>\n"
           "<p class=\"host\">");
  html_text(out, address);
  html_raw(out, "</p>\n");
  html_element(out, "h2", "Let the browser trust its certificates");
  html_raw(out,
           "<p>The command <code>echproxy trust</code> sees to it for every "
           "Chromium and Firefox of yours. For another browser, import the CA "
           "certificate");
  if (proxy->ca_path != NULL) {
    html_raw(out, " <code>");
    html_text(out, proxy->ca_path);
    html_raw(out, "</code>");
  }
  html_raw(
      out,
      ", also to be had as <a href=\"/ca.pem\">ca.pem</a>, as one that may "
      "identify websites. It was made on this machine and is of use on "
      "this machine only.</p>\n");
}

static void write_index(struct bytes *out, const struct proxy *proxy,
                        const char *address) {
  html_begin(out, "echproxy", NULL);
  html_element(out, "h1", "This is echproxy");
  html_element(
      out, "p",
      "A proxy that hides the names of the sites you visit from the network, "
      "with Encrypted ClientHello, wherever a site supports it.");
  html_element(out, "p",
               proxy->terms->mode == MODE_STRICT
                   ? "It runs in strict mode: other sites are refused."
                   : "All other sites are passed through untouched.");
  write_setup(out, proxy, address);
  html_end(out);
}

static bool is_get(const struct http_head *head) {
  return (head->method.len == 3 && memcmp(head->method.data, "GET", 3) == 0) ||
         (head->method.len == 4 && memcmp(head->method.data, "HEAD", 4) == 0);
}

// Without a Host (HTTP/1.0) no browser has asked. `out` gets the address that
// the client knows us by.
static bool host_is_ours(struct bytes *out, const struct http_head *head) {
  const struct http_field *host = http_head_get(head, "Host");
  struct authority authority;
  if (host == NULL) {
    bytes_append(out, "localhost", 10);
    return true;
  }
  if (!authority_from_text(&authority, host->value.data, host->value.len) ||
      (!authority.is_ip && strcmp(authority.host, "localhost") != 0)) {
    return false;
  }
  authority_write(out, &authority, 0);
  bytes_append(out, "", 1);
  return true;
}

static void send_index(const struct proxy *proxy, struct stream *browser,
                       const char *address, bool head_only) {
  struct bytes body = {0};
  write_index(&body, proxy, address);
  answer_send(browser, &(struct answer){.status = 200,
                                        .type = "text/html; charset=utf-8",
                                        .fields = kHtmlFields,
                                        .body = (const char *)body.data,
                                        .body_len = body.len,
                                        .head_only = head_only});
  free(body.data);
}

static void send_ca(const struct proxy *proxy, struct stream *browser,
                    bool head_only) {
  if (proxy->ca_pem == NULL) {
    answer_error(browser, 404, "there is no CA certificate to hand out",
                 head_only);
    return;
  }
  answer_send(browser,
              &(struct answer){.status = 200,
                               .type = "application/x-pem-file",
                               .fields = "Content-Disposition: attachment; "
                                         "filename=\"echproxy-ca.pem\"\r\n",
                               .body = proxy->ca_pem,
                               .body_len = strlen(proxy->ca_pem),
                               .head_only = head_only});
}

static void send_not_allowed(struct stream *browser) {
  static const char kWhy[] = "echproxy: only GET and HEAD are allowed here\n";
  answer_send(browser, &(struct answer){.status = 405,
                                        .type = "text/plain; charset=utf-8",
                                        .fields = "Allow: GET, HEAD\r\n",
                                        .body = kWhy,
                                        .body_len = sizeof(kWhy) - 1});
}

static bool target_is(const struct http_head *head, const char *path) {
  const char *query = memchr(head->target.data, '?', head->target.len);
  size_t len =
      query != NULL ? (size_t)(query - head->target.data) : head->target.len;
  return len == strlen(path) && memcmp(head->target.data, path, len) == 0;
}

static void send_resource(const struct proxy *proxy, struct stream *browser,
                          const struct http_head *head, const char *address) {
  bool head_only = http_text_is(head->method, "HEAD");
  if (target_is(head, "/")) {
    send_index(proxy, browser, address, head_only);
  } else if (target_is(head, "/ca.pem")) {
    send_ca(proxy, browser, head_only);
  } else {
    answer_error(browser, 404,
                 "there is no such page here; this is a proxy, and / says how "
                 "to use it",
                 head_only);
  }
}

void local_page_serve(struct proxy *proxy, struct stream *browser,
                      const struct http_head *head) {
  struct bytes address = {0};
  if (!host_is_ours(&address, head)) {
    answer_error(browser, 421,
                 "this is a proxy, and it answers for its own pages only when "
                 "they are asked for by IP address or as localhost",
                 http_text_is(head->method, "HEAD"));
  } else if (!is_get(head)) {
    send_not_allowed(browser);
  } else if (head->framing == HTTP_BODY_CHUNKED || head->length > 0) {
    answer_error(browser, 413, "a request for a page here has no body", false);
  } else {
    send_resource(proxy, browser, head, (const char *)address.data);
  }
  free(address.data);
}
