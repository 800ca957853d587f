#include "proxy/page_h2.h"

#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "net/xalloc.h"
#include "proxy/http_head.h"

enum {
  kMaxRequests = 16,          // at once
  kMaxReceived = 256 * 1024,  // octets; a body is cut by its window long before
  kMaxHeaderList = 16 * 1024,  // as for HTTP/1.1
  kMaxFields = 16,             // of our own response
};

// A request that is not answered yet.
struct request {
  struct request *next;
  struct request *prev;
  bool is_head;
  size_t sent;  // octets of the body
};

struct page_h2 {
  nghttp2_session *session;
  struct request *requests;
  size_t num_received;
  bool is_ending;  // GOAWAY is said
  char status[12];
  nghttp2_nv fields[kMaxFields];
  size_t num_fields;
  const uint8_t *body;
  size_t body_len;
};

static struct request *request_of(nghttp2_session *session, int32_t stream_id) {
  return nghttp2_session_get_stream_user_data(session, stream_id);
}

static int on_begin_headers(nghttp2_session *session,
                            const nghttp2_frame *frame, void *user) {
  struct page_h2 *h2 = user;
  if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
    struct request *request = xcalloc(1, sizeof(*request));
    DL_APPEND(h2->requests, request);
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, request);
  }
  return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
                     const uint8_t *name, size_t name_len, const uint8_t *value,
                     size_t value_len, uint8_t flags, void *user) {
  (void)name_len, (void)value_len, (void)flags, (void)user;
  struct request *request = request_of(session, frame->hd.stream_id);
  if (request != NULL && strcmp((const char *)name, ":method") == 0) {
    request->is_head = strcmp((const char *)value, "HEAD") == 0;
  }
  return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream_id,
                         uint8_t *out, size_t out_size, uint32_t *out_flags,
                         nghttp2_data_source *source, void *user) {
  (void)source;
  const struct page_h2 *h2 = user;
  struct request *request = request_of(session, stream_id);
  if (request == NULL) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  size_t len = h2->body_len - request->sent;
  len = len < out_size ? len : out_size;
  memcpy(out, h2->body + request->sent, len);
  request->sent += len;
  if (request->sent == h2->body_len) {
    *out_flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return (ssize_t)len;
}

// A request is answered when its head is there: no body would change that.
static int on_frame_received(nghttp2_session *session,
                             const nghttp2_frame *frame, void *user) {
  const struct page_h2 *h2 = user;
  if (frame->hd.type != NGHTTP2_HEADERS ||
      frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
    return 0;
  }
  const struct request *request = request_of(session, frame->hd.stream_id);
  const nghttp2_data_provider body = {.read_callback = read_body};
  return nghttp2_submit_response(
             session, frame->hd.stream_id, h2->fields, h2->num_fields,
             request == NULL || request->is_head ? NULL : &body) == 0
             ? 0
             : NGHTTP2_ERR_CALLBACK_FAILURE;
}

// Says that no further request will be answered, once one has been. What else
// a browser still sends of the request is stopped (RFC 9113, section 8.1).
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
                         void *user) {
  struct page_h2 *h2 = user;
  bool is_end =
      (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
      (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (!is_end) {
    return 0;
  }
  if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) ==
      0) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                              NGHTTP2_NO_ERROR);
  }
  if (!h2->is_ending) {
    h2->is_ending = true;
    nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session),
                          NGHTTP2_NO_ERROR, NULL, 0);
  }
  return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream_id,
                           uint32_t error_code, void *user) {
  (void)error_code;
  struct page_h2 *h2 = user;
  struct request *request = request_of(session, stream_id);
  if (request != NULL) {
    DL_DELETE(h2->requests, request);
    free(request);
  }
  return 0;
}

static nghttp2_session *session_new(struct page_h2 *h2) {
  nghttp2_session_callbacks *callbacks;
  nghttp2_option *option;
  nghttp2_session *session;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 ||
      nghttp2_option_new(&option) != 0) {
    abort();  // out of memory
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks,
                                                          on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       on_frame_received);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
                                                       on_frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
                                                         on_stream_close);
  // Bodies are of no use, so their window is never opened again.
  nghttp2_option_set_no_auto_window_update(option, 1);
  if (nghttp2_session_server_new2(&session, callbacks, h2, option) != 0) {
    abort();
  }
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  static const nghttp2_settings_entry kSettings[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxRequests},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHeaderList},
  };
  if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, kSettings,
                              sizeof(kSettings) / sizeof(kSettings[0])) != 0) {
    abort();
  }
  return session;
}

static void add_field(struct page_h2 *h2, struct http_text name,
                      struct http_text value) {
  assert(h2->num_fields < kMaxFields);
  h2->fields[h2->num_fields++] = (nghttp2_nv){
      .name = (uint8_t *)(uintptr_t)name.data,  // nghttp2 makes it lower case
      .value = (uint8_t *)(uintptr_t)value.data,
      .namelen = name.len,
      .valuelen = value.len,
  };
}

// Takes the response apart. What HTTP/1.1 says of the connection has no place
// in HTTP/2 (RFC 9113, section 8.2.2).
static void read_response(struct page_h2 *h2, const uint8_t *response,
                          size_t len) {
  struct http_head head;
  struct http_scan scan = {0};
  enum http_head_status status =
      http_response_read(&head, &scan, response, len, false);
  assert(status == HTTP_HEAD_OK);
  (void)status;
  snprintf(h2->status, sizeof(h2->status), "%d", head.status);
  add_field(h2, (struct http_text){":status", 7},
            (struct http_text){h2->status, strlen(h2->status)});
  for (size_t i = 0; i < head.num_fields; i++) {
    if (!http_text_is(head.fields[i].name, "Connection")) {
      add_field(h2, head.fields[i].name, head.fields[i].value);
    }
  }
  h2->body = response + head.len;
  h2->body_len = len - head.len;
}

struct page_h2 *page_h2_new(const uint8_t *response, size_t len) {
  struct page_h2 *h2 = xcalloc(1, sizeof(*h2));
  read_response(h2, response, len);
  h2->session = session_new(h2);
  return h2;
}

void page_h2_free(struct page_h2 *h2) {
  if (h2 == NULL) {
    return;
  }
  nghttp2_session_del(h2->session);  // tells of no stream
  struct request *request, *next;
  DL_FOREACH_SAFE(h2->requests, request, next) { free(request); }
  free(h2);
}

bool page_h2_read(struct page_h2 *h2, const uint8_t *data, size_t len) {
  h2->num_received += len;
  return h2->num_received <= kMaxReceived &&
         nghttp2_session_mem_recv(h2->session, data, len) >= 0;
}

bool page_h2_write(struct page_h2 *h2, struct bytes *out) {
  for (;;) {
    const uint8_t *data;
    ssize_t len = nghttp2_session_mem_send(h2->session, &data);
    if (len <= 0) {
      return len == 0;
    }
    bytes_append(out, data, (size_t)len);
  }
}

bool page_h2_is_over(const struct page_h2 *h2) {
  return nghttp2_session_want_read(h2->session) == 0 &&
         nghttp2_session_want_write(h2->session) == 0;
}
