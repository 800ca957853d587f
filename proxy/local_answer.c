#include "proxy/local_answer.h"

#include <jansson.h>
#include <openssl/base64.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/answer.h"

enum { kHttpPort = 80 };

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

void local_request_init(struct local_request *out, const struct http_head *head,
                        const struct page_visitor *visitor, size_t path) {
  struct http_text rest = {head->target.data + path, head->target.len - path};
  const char *mark = memchr(rest.data, '?', rest.len);
  *out = (struct local_request){.head = head, .visitor = *visitor};
  out->path = rest;
  if (mark != NULL) {
    out->path.len = (size_t)(mark - rest.data);
    out->query.data = mark + 1;
    out->query.len = rest.len - out->path.len - 1;
  }
  if (out->path.len == 0) {  // http://ech.internal
    out->path = (struct http_text){"/", 1};
  }
}

bool local_request_is_head(const struct local_request *request) {
  return http_text_is(request->head->method, "HEAD");
}

void local_request_address(struct bytes *out,
                           const struct local_request *request) {
  const struct http_field *host = http_head_get(request->head, "Host");
  struct authority authority;
  char text[kAddressTextSize];
  if (host == NULL ||
      !authority_from_text(&authority, host->value.data, host->value.len) ||
      strcmp(authority.host, kOwnHost) == 0) {
    append(out, address_format(text, &request->visitor.local));
    return;
  }
  authority.port = authority.port == 0 ? kHttpPort : authority.port;
  authority_write(out, &authority, 0);
}

void local_nonce_make(char out[kLocalNonceSize]) {
  uint8_t octets[16];
  RAND_bytes(octets, sizeof(octets));
  EVP_EncodeBlock((uint8_t *)out, octets, sizeof(octets));
}

void local_fields_write(struct bytes *out, const struct local_request *request,
                        const char *nonce) {
  char sources[2 * kLocalNonceSize + 64] = "";
  if (nonce != NULL) {
    snprintf(sources, sizeof(sources),
             "script-src 'nonce-%s'; style-src 'nonce-%s'; ", nonce, nonce);
  }
  append(out, "Content-Security-Policy: default-src 'none'; ");
  append(out, sources);
  append(out,
         "connect-src 'self' http://ech.internal https://ech.internal; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
         "Cross-Origin-Opener-Policy: same-origin\r\n"
         "Referrer-Policy: no-referrer\r\n");
  // To http://ech.internal browsers send no Sec-Fetch-Site, so that another
  // site's request looks like a person's. A browser that keeps our answer from
  // its script would tell it that this is not the answer for a name that does
  // not exist, which the script gets, unreadable. Of ours it reads no more.
  if (request->visitor.way != PAGE_PROXIED) {
    append(out, "Cross-Origin-Resource-Policy: same-origin\r\n");
  }
}

void local_answer_send(struct stream *browser,
                       const struct local_request *request,
                       const struct local_answer *answer) {
  struct bytes fields = {0};
  local_fields_write(&fields, request, answer->nonce);
  append(&fields, answer->fields != NULL ? answer->fields : "");
  bytes_append(&fields, "", 1);
  answer_send(browser, &(struct answer){
                           .status = answer->status != 0 ? answer->status : 200,
                           .type = answer->type,
                           .fields = (const char *)fields.data,
                           .body = answer->body,
                           .body_len = answer->body_len,
                           .head_only = local_request_is_head(request),
                       });
  free(fields.data);
}

static bool is_api(const struct local_request *request) {
  return request->path.len >= 5 && memcmp(request->path.data, "/api/", 5) == 0;
}

// Returns {"error":"..."}, released with free.
static char *error_json(const char *why) {
  json_t *json = json_pack("{s:s}", "error", why);
  char *text = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  return text;
}

// Who has asked for the wrong host is not told who we are.
static const char *prefix_for(int status) {
  return status == 421 ? "" : "echproxy: ";
}

static const char *fields_for(int status) {
  return status == 401 ? "WWW-Authenticate: Bearer\r\n" : NULL;
}

void local_answer_error(struct stream *browser,
                        const struct local_request *request, int status,
                        const char *why) {
  struct bytes body = {0};
  bool is_json = is_api(request);
  if (is_json) {
    char *text = error_json(why);
    append(&body, text != NULL ? text : "{\"error\":\"see the log\"}");
    free(text);
  } else {
    append(&body, prefix_for(status));
    append(&body, why);
  }
  append(&body, "\n");
  local_answer_send(
      browser, request,
      &(struct local_answer){
          .status = status,
          .type = is_json ? "application/json" : "text/plain; charset=utf-8",
          .fields = fields_for(status),
          .body = (const char *)body.data,
          .body_len = body.len});
  free(body.data);
}
