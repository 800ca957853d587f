#include "proxy/probe.h"

#include <openssl/mem.h>
#include <string.h>

#include "proxy/answer.h"
#include "proxy/forward.h"

static bool text_is(struct http_text text, const char *other) {
  return text.len == strlen(other) && memcmp(text.data, other, text.len) == 0;
}

static bool is_for_own_host(const struct local_request *request) {
  const struct http_field *host = http_head_get(request->head, "Host");
  struct authority authority;
  return host != NULL && request->visitor.way != PAGE_DIRECT &&
         authority_from_text(&authority, host->value.data, host->value.len) &&
         strcmp(authority.host, kOwnHost) == 0;
}

bool probe_is_asked(const struct local_request *request) {
  return text_is(request->path, "/probe") && is_for_own_host(request);
}

static bool knows_key(const struct local_request *request, const char *key) {
  size_t len = strlen(key);
  return text_is(request->head->method, "GET") && request->query.len == len &&
         CRYPTO_memcmp(request->query.data, key, len) == 0;
}

void probe_answer(struct stream *browser, const struct local_request *request,
                  const char *key) {
  // The page that asks may be at our address, which is another site's: so it is
  // told that it has an answer, and nothing else.
  static const char kYes[] =
      "HTTP/1.1 204 No Content\r\n"
      "Cache-Control: no-store\r\n"
      "Cross-Origin-Resource-Policy: cross-origin\r\n"
      "Connection: close\r\n\r\n";
  if (!knows_key(request, key)) {
    probe_answer_nobody(browser, request);
    return;
  }
  stream_write(browser, (const uint8_t *)kYes, sizeof(kYes) - 1);
  stream_close_after_drain(browser, kAnswerDrainMs);
}

void probe_answer_nobody(struct stream *browser,
                         const struct local_request *request) {
  if (request->visitor.way == PAGE_PROXIED) {
    forward_answer_no_site(browser, local_request_is_head(request));
  } else {
    stream_close(browser);
  }
}
