#include "proxy/page_server.h"

#include <criterion/criterion.h>
#include <nghttp2/nghttp2.h>

#include "net/net_test.h"
#include "support/leaks.h"

TestSuite(page_server, .timeout = 30);

static const struct page kPage = {.status = 502,
                                  .phrase = "Bad Gateway",
                                  .title = "Not reached",
                                  .host = "site.example",
                                  .cause = "it broke",
                                  .protection = "everything",
                                  .advice = "wait"};

// Returns the whole HTTP/1.1 response as a string.
static char *written(bool head_only) {
  struct bytes out = {0};
  page_write(&out, &kPage, head_only);
  bytes_append(&out, "", 1);
  return (char *)out.data;
}

Test(page_server, chooses_what_the_browser_lists_first) {
  static const struct {
    const char *offered;
    enum page_protocol protocol;
  } kCases[] = {
      {"\x02h2\x08http/1.1", PAGE_H2},
      {"\x08http/1.1\x02h2", PAGE_HTTP1},
      {"\x02h2", PAGE_H2},
      {"\x08http/1.1", PAGE_HTTP1},
      {"\x03"
       "foo"
       "\x02h2\x08http/1.1",
       PAGE_H2},
      {"\x08http/1.0\x02h3", PAGE_NO_PROTOCOL},
      {"\x09http/1.1", PAGE_NO_PROTOCOL},
      {"\x05"
       "a\x02h2",
       PAGE_NO_PROTOCOL},
      {"", PAGE_NO_PROTOCOL},
  };
  for (size_t i = 0; i < sizeof(kCases) / sizeof(kCases[0]); i++) {
    const char *offered = kCases[i].offered;
    cr_expect_eq(
        page_protocol_choose((const uint8_t *)offered, strlen(offered)),
        kCases[i].protocol, "%s", offered);
  }
}

struct bed {
  struct proxy proxy;
  struct proxy_limit limit;
  struct peer browser;
};

static void bed_open(struct bed *bed, enum page_protocol protocol) {
  *bed = (struct bed){.proxy.worker = test_worker_new()};
  bed->proxy.limit = &bed->limit;
  struct stream *ours, *theirs;
  test_tcp_pair(bed->proxy.worker, &theirs, &ours);
  peer_open(&bed->browser, theirs);
  page_serve(&bed->proxy, ours, protocol, &kPage);
}

static void bed_close(struct bed *bed) {
  peer_cleanup(&bed->browser);
  RUN_UNTIL(bed->proxy.worker, bed->proxy.num_connections == 0);
  worker_run(bed->proxy.worker);
  cr_assert_eq(worker_free(bed->proxy.worker), 0);
}

Test(page_server, answers_a_request_once_it_is_whole) {
  struct bed bed;
  bed_open(&bed, PAGE_HTTP1);
  peer_write_text(&bed.browser, "GET / HTTP/1.1\r\nHost: a\r\n");
  turn_loop(bed.proxy.worker, 5);
  cr_assert_eq(bed.browser.got.len, 0);
  peer_write_text(&bed.browser, "\r\n");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  char *wanted = written(false);
  cr_assert(peer_got_text(&bed.browser, wanted));
  free(wanted);
  bed_close(&bed);
}

Test(page_server, answers_head_without_a_body) {
  struct bed bed;
  bed_open(&bed, PAGE_HTTP1);
  peer_write_text(&bed.browser, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  char *wanted = written(true);
  cr_assert(peer_got_text(&bed.browser, wanted));
  free(wanted);
  bed_close(&bed);
}

Test(page_server, answers_garbage_and_endless_heads) {
  static char text[100 * 1024];
  memset(text, 'a', sizeof(text) - 1);
  for (int i = 0; i < 2; i++) {
    struct bed bed;
    bed_open(&bed, PAGE_HTTP1);
    peer_write_text(&bed.browser, i == 0 ? "\x01\x02" : text);
    RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
    char *wanted = written(false);
    cr_assert(peer_got_text(&bed.browser, wanted));
    free(wanted);
    bed_close(&bed);
  }
}

Test(page_server, forgets_a_browser_that_leaves) {
  struct bed bed;
  bed_open(&bed, PAGE_HTTP1);
  cr_assert_eq(bed.proxy.num_connections, 1);
  stream_shutdown(bed.browser.stream);
  RUN_UNTIL(bed.proxy.worker, bed.browser.num_ends == 1);
  cr_assert_eq(bed.proxy.num_connections, 0);
  bed_close(&bed);
}

Test(page_server, is_closed_with_the_proxy) {
  struct bed bed;
  bed_open(&bed, PAGE_HTTP1);
  proxy_close_all(&bed.proxy);
  cr_assert_eq(bed.proxy.num_connections, 0);
  bed_close(&bed);
}

// A browser of HTTP/2, and what it is told on its first three streams.
struct h2_browser {
  struct bed bed;
  nghttp2_session *session;
  size_t fed;  // of bed.browser.got
  struct {
    char status[8];
    char type[64];
    struct bytes body;
    bool is_closed;
    uint32_t error;
  } got[3];
  int num_closed;
  bool told_to_go;
};

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user) {
  (void)session, (void)name_len, (void)value_len, (void)flags;
  struct h2_browser *b = user;
  size_t i = (size_t)frame->hd.stream_id / 2;
  if (strcmp((const char *)name, ":status") == 0) {
    snprintf(b->got[i].status, sizeof(b->got[i].status), "%s", value);
  } else if (strcmp((const char *)name, "content-type") == 0) {
    snprintf(b->got[i].type, sizeof(b->got[i].type), "%s", value);
  }
  cr_expect_str_neq((const char *)name, "connection");
  return 0;
}

static int on_body(nghttp2_session *session, uint8_t flags, int32_t stream_id,
                   const uint8_t *data, size_t len, void *user) {
  (void)session, (void)flags;
  struct h2_browser *b = user;
  bytes_append(&b->got[stream_id / 2].body, data, len);
  return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
                    void *user) {
  (void)session;
  struct h2_browser *b = user;
  b->told_to_go |= frame->hd.type == NGHTTP2_GOAWAY;
  return 0;
}

static int on_close(nghttp2_session *session, int32_t stream_id, uint32_t error,
                    void *user) {
  (void)session;
  struct h2_browser *b = user;
  b->got[stream_id / 2].is_closed = true;
  b->got[stream_id / 2].error = error;
  b->num_closed++;
  return 0;
}

static void h2_open(struct h2_browser *b, uint32_t window) {
  nghttp2_session_callbacks *callbacks;
  *b = (struct h2_browser){0};
  bed_open(&b->bed, PAGE_H2);
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_body);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  cr_assert_eq(nghttp2_session_client_new(&b->session, callbacks, b), 0);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
  nghttp2_submit_settings(b->session, NGHTTP2_FLAG_NONE, settings, 1);
}

static void h2_close(struct h2_browser *b) {
  nghttp2_session_del(b->session);
  for (size_t i = 0; i < 3; i++) {
    free(b->got[i].body.data);
  }
  bed_close(&b->bed);
}

static nghttp2_nv nv(const char *name, const char *value) {
  return (nghttp2_nv){(uint8_t *)name, (uint8_t *)value, strlen(name),
                      strlen(value), NGHTTP2_NV_FLAG_NONE};
}

// More than any window lets through, without an end.
static ssize_t read_upload(nghttp2_session *session, int32_t stream_id,
                           uint8_t *out, size_t out_size, uint32_t *out_flags,
                           nghttp2_data_source *source, void *user) {
  (void)session, (void)stream_id, (void)out_flags, (void)source, (void)user;
  memset(out, 'x', out_size);
  return (ssize_t)out_size;
}

static void h2_ask(struct h2_browser *b, const char *method) {
  const nghttp2_nv fields[] = {nv(":method", method), nv(":scheme", "https"),
                               nv(":authority", "site.example"),
                               nv(":path", "/")};
  const nghttp2_data_provider upload = {.read_callback = read_upload};
  bool is_post = strcmp(method, "POST") == 0;
  cr_assert_gt(nghttp2_submit_request(b->session, NULL, fields, 4,
                                      is_post ? &upload : NULL, b),
               0);
}

// Sends what the browser has to say.
static void h2_send(struct h2_browser *b) {
  const uint8_t *data;
  ssize_t len;
  while ((len = nghttp2_session_mem_send(b->session, &data)) > 0) {
    stream_write(b->bed.browser.stream, data, (size_t)len);
  }
}

// Lets both talk until `num` streams are closed.
static void h2_talk(struct h2_browser *b, int num) {
  struct peer *peer = &b->bed.browser;
  while (b->num_closed < num) {
    h2_send(b);
    RUN_UNTIL(b->bed.proxy.worker,
              peer->got.len > b->fed || peer->num_ends > 0);
    cr_assert_gt(peer->got.len, b->fed, "the connection has ended");
    cr_assert_geq(nghttp2_session_mem_recv(b->session, peer->got.data + b->fed,
                                           peer->got.len - b->fed),
                  0);
    b->fed = peer->got.len;
  }
}

// Waits for the proxy to have closed the connection.
static void h2_wait_end(struct h2_browser *b) {
  RUN_UNTIL(b->bed.proxy.worker, b->bed.browser.num_ends == 1);
  cr_assert_eq(b->bed.browser.end_err, 0);
  cr_assert_eq(b->bed.proxy.num_connections, 0);
}

static void assert_page(const struct h2_browser *b, size_t i, bool head_only) {
  char *response = written(false);
  const char *body = head_only ? "" : strstr(response, "\r\n\r\n") + 4;
  cr_assert(b->got[i].is_closed);
  cr_assert_eq(b->got[i].error, NGHTTP2_NO_ERROR);
  cr_assert_str_eq(b->got[i].status, "502");
  cr_assert_str_eq(b->got[i].type, "text/html; charset=utf-8");
  cr_assert_eq(b->got[i].body.len, strlen(body));
  cr_assert(b->got[i].body.len == 0 ||
            memcmp(b->got[i].body.data, body, strlen(body)) == 0);
  free(response);
}

Test(page_server, answers_over_h2_all_that_come_together) {
  struct h2_browser b;
  h2_open(&b, 65535);
  h2_ask(&b, "GET");
  h2_ask(&b, "HEAD");
  h2_ask(&b, "GET");
  h2_talk(&b, 3);
  assert_page(&b, 0, false);
  assert_page(&b, 1, true);
  assert_page(&b, 2, false);
  cr_assert(b.told_to_go);
  h2_wait_end(&b);
  h2_close(&b);
}

Test(page_server, answers_over_h2_before_an_endless_body_ends) {
  struct h2_browser b;
  h2_open(&b, 65535);
  h2_ask(&b, "POST");
  h2_talk(&b, 1);
  assert_page(&b, 0, false);
  h2_wait_end(&b);
  h2_close(&b);
}

Test(page_server, answers_over_h2_through_a_window_of_100_octets) {
  struct h2_browser b;
  h2_open(&b, 100);
  h2_ask(&b, "GET");
  h2_talk(&b, 1);
  assert_page(&b, 0, false);
  h2_wait_end(&b);
  h2_close(&b);
}

// Everything that is not HTTP/2 ends the connection, and nothing is left of it.
Test(page_server, drops_over_h2_what_is_not_h2) {
  static const char *const kTexts[] = {
      "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand then something else entirely",
  };
  for (size_t i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); i++) {
    struct bed bed;
    bed_open(&bed, PAGE_H2);
    peer_write_text(&bed.browser, kTexts[i]);
    RUN_UNTIL(bed.proxy.worker, bed.proxy.num_connections == 0);
    bed_close(&bed);
  }
}

Test(page_server, drops_a_browser_that_only_talks) {
  struct h2_browser b;
  h2_open(&b, 65535);
  uint64_t begun = uv_now(worker_loop(b.bed.proxy.worker));
  for (int i = 0; i < 100000 && b.bed.browser.num_ends == 0; i++) {
    nghttp2_submit_priority(b.session, NGHTTP2_FLAG_NONE, 1,
                            &(nghttp2_priority_spec){.weight = 1});
    h2_send(&b);
    turn_loop(b.bed.proxy.worker, i % 1000 == 0 ? 5 : 0);
  }
  RUN_UNTIL(b.bed.proxy.worker, b.bed.proxy.num_connections == 0);
  uv_loop_t *loop = worker_loop(b.bed.proxy.worker);
  cr_assert_lt(uv_now(loop) - begun, 5000UL, "not by the deadline of 10 s");
  h2_close(&b);
}

Test(page_server, is_closed_with_the_proxy_amid_an_answer) {
  struct h2_browser b;
  h2_open(&b, 0);
  h2_ask(&b, "GET");
  h2_send(&b);
  turn_loop(b.bed.proxy.worker, 10);
  cr_assert_eq(b.bed.proxy.num_connections, 1, "its body waits for a window");
  proxy_close_all(&b.bed.proxy);
  cr_assert_eq(b.bed.proxy.num_connections, 0);
  h2_close(&b);
  cr_assert(leaks_none());
}
