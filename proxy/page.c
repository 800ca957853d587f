#include "proxy/page.h"

#include <uv.h>

#include "net/xalloc.h"
#include "proxy/answer.h"
#include "proxy/html.h"
#include "proxy/http_head.h"
#include "proxy/proxy.h"

enum { kRequestDeadlineMs = 10000 };

static void write_section(struct bytes *out, const char *heading,
                          const char *text) {
  if (text != NULL) {
    html_element(out, "h2", heading);
    html_element(out, "p", text);
  }
}

static void write_body(struct bytes *out, const struct page *page) {
  char comment[512];
  snprintf(comment, sizeof(comment), "echproxy: %s",
           page->cause != NULL ? page->cause : page->title);
  html_comment(out, comment);
  html_begin(out, page->title);
  html_element(out, "h1", page->title);
  if (page->host != NULL) {
    html_raw(out, "<p class=\"host\">");
    html_text(out, page->host);
    html_raw(out, "</p>\n");
  }
  write_section(out, "What failed", page->cause);
  write_section(out, "What was protected", page->protection);
  write_section(out, "What you can do", page->advice);
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

// A page that waits for the request it answers.
struct serving {
  struct proxy *proxy;
  struct connection connection;
  struct stream *browser;
  uv_timer_t deadline;
  struct bytes in;
  struct http_scan scan;
  struct bytes with_body;  // the response, ready to be sent
  struct bytes without_body;
};

static void on_deadline_closed(uv_handle_t *handle) {
  struct serving *s = handle->data;
  free(s->in.data);
  free(s->with_body.data);
  free(s->without_body.data);
  free(s);
}

// Lets go of everything but the browser. No on_ function runs after it.
static void release(struct serving *s) {
  proxy_remove(s->proxy, &s->connection);
  uv_close((uv_handle_t *)&s->deadline, on_deadline_closed);
}

static void serving_close(void *owner) {
  struct serving *s = owner;
  stream_close(s->browser);
  release(s);
}

static void send_page(struct serving *s, bool head_only) {
  struct bytes *out = head_only ? &s->without_body : &s->with_body;
  stream_write(s->browser, out->data, out->len);
  stream_close_after_drain(s->browser, kAnswerDrainMs);
  release(s);
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct serving *s = owner;
  size_t room = kHttpRequestHeadMax - s->in.len;
  bytes_append(&s->in, data, len < room ? len : room);
  struct http_head head;
  enum http_head_status status =
      http_request_read(&head, &s->scan, s->in.data, s->in.len);
  if (status == HTTP_HEAD_INCOMPLETE) {
    return;
  }
  // Whatever was asked, even badly, this is the answer.
  send_page(s, status == HTTP_HEAD_OK && http_text_is(head.method, "HEAD"));
}

static void on_end(void *owner, int err) {
  (void)err;
  serving_close(owner);
}

static void on_deadline(uv_timer_t *deadline) { serving_close(deadline->data); }

void page_serve(struct proxy *proxy, struct stream *browser,
                const struct page *page) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  struct serving *s = xcalloc(1, sizeof(*s));
  s->proxy = proxy;
  s->browser = browser;
  page_write(&s->with_body, page, false);
  page_write(&s->without_body, page, true);
  uv_timer_init(worker_loop(proxy->worker), &s->deadline);
  s->deadline.data = s;
  uv_timer_start(&s->deadline, on_deadline, kRequestDeadlineMs, 0);
  proxy_add(proxy, &s->connection, serving_close, s);
  stream_set_events(browser, &kEvents, s);
  stream_read_start(browser);
}
