#include "proxy/local_page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/event_stream.h"
#include "proxy/local_site.h"
#include "proxy/pac_file.h"
#include "proxy/probe.h"
#include "proxy/rule_post.h"
#include "proxy/setup_page.h"
#include "proxy/status_data.h"
#include "proxy/status_shell.h"
#include "proxy/terms.h"

// Each function takes `browser`.
typedef void serve_fn(struct proxy *proxy, struct stream *browser,
                      const struct local_request *request);

static void send_html(struct stream *browser,
                      const struct local_request *request, const char *nonce,
                      struct bytes *body) {
  local_answer_send(browser, request,
                    &(struct local_answer){.type = "text/html; charset=utf-8",
                                           .nonce = nonce,
                                           .body = (const char *)body->data,
                                           .body_len = body->len});
  free(body->data);
}

static void send_status_page(struct proxy *proxy, struct stream *browser,
                             const struct local_request *request) {
  (void)proxy;
  char nonce[kLocalNonceSize];
  struct bytes body = {0};
  local_nonce_make(nonce);
  status_shell_write(&body, nonce);
  send_html(browser, request, nonce, &body);
}

static char *address_of(const struct local_request *request) {
  struct bytes address = {0};
  local_request_address(&address, request);
  bytes_append(&address, "", 1);
  return (char *)address.data;
}

static void send_setup(struct proxy *proxy, struct stream *browser,
                       const struct local_request *request) {
  char nonce[kLocalNonceSize];
  char *address = address_of(request);
  struct bytes body = {0};
  // To others the path is of no use, and it tells the user's name.
  bool is_from_here = page_access_is_from_here(&request->visitor);
  local_nonce_make(nonce);
  setup_page_write(
      &body,
      &(struct setup_page){.address = address,
                           .fingerprint = proxy->local->ca_fingerprint,
                           .ca_path = is_from_here ? proxy->ca_path : NULL,
                           .mode = proxy->terms->mode},
      nonce);
  send_html(browser, request, nonce, &body);
  free(address);
}

static void send_pac(struct proxy *proxy, struct stream *browser,
                     const struct local_request *request) {
  (void)proxy;
  char *address = address_of(request);
  struct bytes body = {0};
  pac_file_write(&body, address);
  local_answer_send(
      browser, request,
      &(struct local_answer){.type = "application/x-ns-proxy-autoconfig",
                             .body = (const char *)body.data,
                             .body_len = body.len});
  free(body.data);
  free(address);
}

static void send_ca_pem(struct proxy *proxy, struct stream *browser,
                        const struct local_request *request) {
  if (proxy->ca_pem == NULL) {
    local_answer_error(browser, request, 404,
                       "there is no CA certificate to hand out");
    return;
  }
  local_answer_send(
      browser, request,
      &(struct local_answer){.type = "application/x-pem-file",
                             .fields = "Content-Disposition: attachment; "
                                       "filename=\"echproxy-ca.pem\"\r\n",
                             .body = proxy->ca_pem,
                             .body_len = strlen(proxy->ca_pem)});
}

// Of this type and not as an attachment, browsers and phones offer to install
// it.
static void send_ca_der(struct proxy *proxy, struct stream *browser,
                        const struct local_request *request) {
  local_answer_send(
      browser, request,
      &(struct local_answer){.type = "application/x-x509-ca-cert",
                             .body = (const char *)proxy->local->ca_der,
                             .body_len = proxy->local->ca_der_len});
}

static const struct route {
  const char *path;  // one that ends in '/' is for all below
  serve_fn *serve;
  bool is_data;  // for who has the token
  bool is_post;  // and else GET and HEAD
} kRoutes[] = {
    {"/", send_status_page, false, false},
    {"/setup", send_setup, false, false},
    {"/ca.pem", send_ca_pem, false, false},
    {"/ca.der", send_ca_der, false, false},
    {"/proxy.pac", send_pac, false, false},
    {"/metrics", status_data_send_metrics, true, false},
    {"/api/status", status_data_send_status, true, false},
    {"/api/visits", status_data_send_visits, true, false},
    {"/api/visits/", status_data_send_visit, true, false},
    {"/api/events", event_stream_open, true, false},
    {"/api/rules", rule_post_open, true, true},
};

static bool route_is_for(const struct route *route, struct http_text path) {
  size_t len = strlen(route->path);
  bool is_folder = len > 1 && route->path[len - 1] == '/';
  return (is_folder ? path.len > len : path.len == len) &&
         memcmp(path.data, route->path, len) == 0;
}

static const struct route *route_for(const struct local_request *request) {
  for (size_t i = 0; i < sizeof(kRoutes) / sizeof(kRoutes[0]); i++) {
    if (route_is_for(&kRoutes[i], request->path)) {
      return &kRoutes[i];
    }
  }
  return NULL;
}

static bool method_is(const struct local_request *request, const char *method) {
  struct http_text text = request->head->method;
  return text.len == strlen(method) && memcmp(text.data, method, text.len) == 0;
}

static bool method_fits(const struct local_request *request,
                        const struct route *route) {
  return route->is_post
             ? method_is(request, "POST")
             : method_is(request, "GET") || method_is(request, "HEAD");
}

static void refuse_method(struct stream *browser,
                          const struct local_request *request, bool is_post) {
  static const char kGet[] = "echproxy: only GET and HEAD are allowed here\n";
  static const char kPost[] = "echproxy: only POST is allowed here\n";
  const char *why = is_post ? kPost : kGet;
  local_answer_send(
      browser, request,
      &(struct local_answer){
          .status = 405,
          .type = "text/plain; charset=utf-8",
          .fields = is_post ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n",
          .body = why,
          .body_len = strlen(why)});
}

static bool has_body(const struct http_head *head) {
  return head->framing == HTTP_BODY_CHUNKED || head->length > 0;
}

// Answers who may see what is for everybody, and, `with_token`, all.
static void serve_route(struct proxy *proxy, struct stream *browser,
                        const struct local_request *request, bool with_token) {
  const struct route *route = route_for(request);
  if (route == NULL) {
    if (!method_is(request, "GET") && !method_is(request, "HEAD")) {
      refuse_method(browser, request, false);
      return;
    }
    local_answer_error(browser, request, 404,
                       "there is no such page here; this is a proxy, and "
                       "/setup says how to use it");
  } else if (route->is_data && !with_token) {
    local_answer_error(browser, request, 401,
                       "this is for whoever has the token; `echproxy status "
                       "--url` prints the page's address with it");
  } else if (!method_fits(request, route)) {
    refuse_method(browser, request, route->is_post);
  } else if (!route->is_post && has_body(request->head)) {
    local_answer_error(browser, request, 413,
                       "a request for a page here has no body");
  } else {
    route->serve(proxy, browser, request);
  }
}

void local_page_serve(struct proxy *proxy, struct stream *browser,
                      const struct local_request *request) {
  if (probe_is_asked(request)) {
    probe_answer(browser, request, proxy->local->probe_key);
    return;
  }
  enum page_access access =
      page_access_for(&request->visitor, request->head, proxy->local->token);
  switch (access) {
    case PAGE_ACCESS_SILENT:
      probe_answer_nobody(browser, request);
      return;
    case PAGE_ACCESS_DATA:
    case PAGE_ACCESS_PUBLIC:
      serve_route(proxy, browser, request, access == PAGE_ACCESS_DATA);
      return;
    case PAGE_ACCESS_WRONG_HOST:
    case PAGE_ACCESS_CROSS_SITE:
    case PAGE_ACCESS_NOT_HERE:
    case PAGE_ACCESS_WRONG_TOKEN:
      local_answer_error(browser, request, page_access_status(access),
                         page_access_str(access));
      return;
  }
}
