#include "proxy/rule_post.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "net/xalloc.h"
#include "proxy/answer.h"
#include "proxy/local_site.h"

enum { kBodyDeadlineMs = 10000 };

struct rule_post {
  struct proxy *proxy;
  struct connection connection;
  struct stream *browser;
  uv_timer_t deadline;
  struct bytes body;
  size_t body_len;               // that it will have
  struct rule_request *request;  // once the body is there
};

// What there is of the request when it is answered: a POST below /api/.
static const struct http_head kHead = {.method = {"POST", 4}};
static const struct local_request kRequest = {
    .head = &kHead, .path = {"/api/rules", sizeof("/api/rules") - 1}};

static void on_deadline_closed(uv_handle_t *handle) {
  struct rule_post *p = handle->data;
  free(p->body.data);
  free(p);
}

// Ends `p` but for its browser, which the caller takes.
static struct stream *release(struct rule_post *p) {
  rule_request_cancel(p->request);
  proxy_remove(p->proxy, &p->connection);
  uv_close((uv_handle_t *)&p->deadline, on_deadline_closed);
  return p->browser;
}

static void post_close(void *owner) { stream_close(release(owner)); }

static void refuse(struct rule_post *p, int status, const char *why) {
  local_answer_error(release(p), &kRequest, status, why);
}

static void on_deadline(uv_timer_t *deadline) {
  refuse(deadline->data, 408, "the request did not arrive in whole");
}

static void answer_done(struct rule_post *p,
                        const struct rule_outcome *outcome) {
  json_t *line = outcome->line > 0 ? json_integer(outcome->line) : json_null();
  json_t *file = json_string(outcome->file);
  json_t *json = json_pack("{s:o, s:o}", "file",
                           file != NULL ? file : json_null(), "line", line);
  char *text = json_dumps(json, JSON_COMPACT);
  local_answer_send(
      release(p), &kRequest,
      &(struct local_answer){
          .type = "application/json", .body = text, .body_len = strlen(text)});
  free(text);
  json_decref(json);
}

static void on_rule(void *owner, const struct rule_outcome *outcome) {
  struct rule_post *p = owner;
  p->request = NULL;  // finished, so no longer ours to cancel
  if (outcome->why_not != NULL) {
    refuse(p, 500, outcome->why_not);
  } else {
    answer_done(p, outcome);
  }
}

// Whether `text` is one of the modes that can be asked for; `*out` is NULL for
// "default".
static bool read_mode(const char **out, const char *text) {
  static const char *const kModes[] = {"pass", "strict", "default"};
  for (size_t i = 0; text != NULL && i < 3; i++) {
    if (strcmp(text, kModes[i]) == 0) {
      *out = i < 2 ? kModes[i] : NULL;
      return true;
    }
  }
  return false;
}

static const char *member(const json_t *json, const char *name) {
  return json_string_value(json_object_get(json, name));
}

// Asks for what the body says. Returns what is wrong with it, or NULL.
static const char *ask(struct rule_post *p, const json_t *json) {
  struct authority site;
  const char *mode;
  const char *host = member(json, "site");
  if (host == NULL || !authority_from_host(&site, host, strlen(host))) {
    return "`site` must be the name of a host, or an IP address";
  }
  if (!read_mode(&mode, member(json, "mode"))) {
    return "`mode` must be \"pass\", \"strict\" or \"default\"";
  }
  p->request = rule_request_send(p->proxy->local->rules, p->proxy->worker,
                                 site.host, mode, on_rule, p);
  return NULL;
}

static void read_body(struct rule_post *p) {
  json_t *json = json_loadb((const char *)p->body.data, p->body.len,
                            JSON_REJECT_DUPLICATES, NULL);
  const char *why = json_is_object(json) ? ask(p, json)
                                         : "the body must be an object in JSON";
  json_decref(json);
  if (why != NULL) {
    refuse(p, 400, why);
  }
}

static void on_data(void *owner, const uint8_t *data, size_t len) {
  struct rule_post *p = owner;
  size_t room = p->body_len - p->body.len;
  if (p->request != NULL || room == 0) {
    return;  // there is no next request on this connection
  }
  bytes_append(&p->body, data, len < room ? len : room);
  if (p->body.len == p->body_len) {
    uv_timer_stop(&p->deadline);
    read_body(p);
  }
}

static void on_end(void *owner, int err) {
  struct rule_post *p = owner;
  // Whoever only finished sending still waits for the answer.
  if (err != 0 || p->request == NULL) {
    post_close(p);
  }
}

static void start(struct proxy *proxy, struct stream *browser, size_t len) {
  static const struct stream_events kEvents = {.on_data = on_data,
                                               .on_end = on_end};
  struct rule_post *p = xcalloc(1, sizeof(*p));
  p->proxy = proxy;
  p->browser = browser;
  p->body_len = len;
  uv_timer_init(worker_loop(proxy->worker), &p->deadline);
  p->deadline.data = p;
  uv_timer_start(&p->deadline, on_deadline, kBodyDeadlineMs, 0);
  proxy_add(proxy, &p->connection, post_close, p);
  stream_set_events(browser, &kEvents, p);
  stream_read_start(browser);
}

// A form cannot send this type.
static bool is_json(const struct http_head *head) {
  static const char kType[] = "application/json";
  const struct http_field *type = http_head_get(head, "Content-Type");
  struct http_text text;
  if (type == NULL) {
    return false;
  }
  text = type->value;
  const char *end = memchr(text.data, ';', text.len);
  text.len = end != NULL ? (size_t)(end - text.data) : text.len;
  while (text.len > 0 && text.data[text.len - 1] == ' ') {
    text.len--;
  }
  return http_text_is(text, kType);
}

void rule_post_open(struct proxy *proxy, struct stream *browser,
                    const struct local_request *request) {
  const struct http_head *head = request->head;
  if (!is_json(head)) {
    local_answer_error(browser, request, 415,
                       "the Content-Type must be application/json");
  } else if (head->framing != HTTP_BODY_LENGTH || head->length == 0) {
    local_answer_error(browser, request, 411,
                       "the body must come with a Content-Length");
  } else if (head->length > kRulePostMax) {
    local_answer_error(browser, request, 413,
                       "the body must not be longer than 1024 octets");
  } else {
    start(proxy, browser, (size_t)head->length);
  }
}
