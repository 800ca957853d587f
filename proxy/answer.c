#include "proxy/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *usual_phrase(int status) {
  static const struct {
    int status;
    const char *phrase;
  } kPhrases[] = {
      {200, "OK"},
      {307, "Temporary Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {407, "Proxy Authentication Required"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {421, "Misdirected Request"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (size_t i = 0; i < sizeof(kPhrases) / sizeof(kPhrases[0]); i++) {
    if (kPhrases[i].status == status) {
      return kPhrases[i].phrase;
    }
  }
  return "";
}

static void append_text(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

void answer_write(struct bytes *out, const struct answer *answer) {
  char line[128];
  const char *phrase =
      answer->phrase != NULL ? answer->phrase : usual_phrase(answer->status);
  snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n", answer->status, phrase);
  append_text(out, line);
  snprintf(line, sizeof(line), "Content-Type: %s\r\nContent-Length: %zu\r\n",
           answer->type, answer->body_len);
  append_text(out, line);
  append_text(out,
              "Cache-Control: no-store\r\n"
              "X-Content-Type-Options: nosniff\r\n");
  if (answer->fields != NULL) {
    append_text(out, answer->fields);
  }
  append_text(out, "Connection: close\r\n\r\n");
  if (!answer->head_only) {
    bytes_append(out, answer->body, answer->body_len);
  }
}

void answer_send(struct stream *browser, const struct answer *answer) {
  struct bytes out = {0};
  answer_write(&out, answer);
  stream_write(browser, out.data, out.len);
  free(out.data);
  stream_close_after_drain(browser, kAnswerDrainMs);
}

void answer_error(struct stream *browser, int status, const char *why,
                  bool head_only) {
  struct bytes body = {0};
  append_text(&body, "echproxy: ");
  append_text(&body, why);
  append_text(&body, "\n");
  answer_send(browser, &(struct answer){.status = status,
                                        .type = "text/plain; charset=utf-8",
                                        .body = (const char *)body.data,
                                        .body_len = body.len,
                                        .head_only = head_only});
  free(body.data);
}
