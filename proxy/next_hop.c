#include "proxy/next_hop.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void append(struct bytes *out, const char *text) {
  bytes_append(out, text, strlen(text));
}

static void append_text(struct bytes *out, struct http_text text) {
  bytes_append(out, text.data, text.len);
}

static void append_field(struct bytes *out, struct http_text name,
                         struct http_text value) {
  append_text(out, name);
  append(out, ": ");
  append_text(out, value);
  append(out, "\r\n");
}

static bool text_equals(struct http_text a, struct http_text b) {
  return a.len == b.len && strncasecmp(a.data, b.data, a.len) == 0;
}

// Says whether a Connection field names `name`.
static bool is_nominated(const struct http_head *head, struct http_text name) {
  for (size_t i = 0; i < head->num_fields; i++) {
    if (!http_text_is(head->fields[i].name, "Connection")) {
      continue;
    }
    struct http_text list = head->fields[i].value;
    struct http_text member;
    while (http_list_next(&list, &member)) {
      if (text_equals(member, name)) {
        return true;
      }
    }
  }
  return false;
}

// Fields for one hop, and those that are written anew.
static bool is_dropped(const struct http_head *head, struct http_text name) {
  static const char *const kDropped[] = {
      "Connection",           // RFC 9110, section 7.6.1
      "Keep-Alive",           //
      "Proxy-Connection",     //
      "TE",                   //
      "Transfer-Encoding",    //
      "Upgrade",              //
      "HTTP2-Settings",       // RFC 7540, section 3.2.1
      "Trailer",              // trailers are dropped (http_body.h)
      "Proxy-Authorization",  // meant for us, if for anybody
      "Proxy-Authenticate",   // would ask for a password in our name
      "Proxy-Authentication-Info",
      "Content-Length",
  };
  for (size_t i = 0; i < sizeof(kDropped) / sizeof(kDropped[0]); i++) {
    if (http_text_is(name, kDropped[i])) {
      return true;
    }
  }
  return is_nominated(head, name);
}

static void append_length(struct bytes *out, uint64_t length) {
  char line[64];
  snprintf(line, sizeof(line), "Content-Length: %llu\r\n",
           (unsigned long long)length);
  append(out, line);
}

static bool method_is(const struct http_head *head, const char *method) {
  return head->method.len == strlen(method) &&
         memcmp(head->method.data, method, head->method.len) == 0;
}

// Reads a request's Max-Forwards. False when it has none that counts.
static bool find_max_forwards(const struct http_head *head,
                              struct http_text *out) {
  const struct http_field *field = http_head_get(head, "Max-Forwards");
  if (field == NULL ||
      (!method_is(head, "OPTIONS") && !method_is(head, "TRACE"))) {
    return false;
  }
  *out = field->value;
  return true;
}

// Reads up to nine digits.
static bool read_count(unsigned *out, struct http_text text) {
  unsigned count = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') {
      return false;
    }
    count = count * 10 + (unsigned)(text.data[i] - '0');
  }
  *out = count;
  return text.len > 0 && text.len <= 9;
}

enum max_forwards next_hop_max_forwards(const struct http_head *head) {
  struct http_text text;
  unsigned count;
  if (!find_max_forwards(head, &text)) {
    return MAX_FORWARDS_GO_ON;
  }
  if (!read_count(&count, text)) {
    return MAX_FORWARDS_BAD;
  }
  return count == 0 ? MAX_FORWARDS_STOP : MAX_FORWARDS_GO_ON;
}

static void append_max_forwards(struct bytes *out,
                                const struct http_head *head) {
  struct http_text text;
  unsigned count;
  if (find_max_forwards(head, &text) && read_count(&count, text) && count > 0) {
    char line[64];
    snprintf(line, sizeof(line), "Max-Forwards: %u\r\n", count - 1);
    append(out, line);
  }
}

static void append_request_line(struct bytes *out, const struct http_head *head,
                                struct http_text path) {
  append_text(out, head->method);
  append(out, " ");
  if (path.len == 0 && method_is(head, "OPTIONS")) {
    append(out, "*");  // RFC 9112, section 3.2.4
  } else if (path.len == 0 || path.data[0] == '?') {
    append(out, "/");
  }
  append_text(out, path);
  append(out, " HTTP/1.1\r\n");
}

static bool request_drops(const struct http_head *head, struct http_text name) {
  struct http_text unused;
  return is_dropped(head, name) || http_text_is(name, "Host") ||
         (http_text_is(name, "Max-Forwards") &&
          find_max_forwards(head, &unused)) ||
         // RFC 9110, section 10.1.1: an HTTP/1.0 client cannot mean it.
         (http_text_is(name, "Expect") && head->minor_version == 0);
}

void next_hop_request(struct bytes *out, const struct http_head *head,
                      const struct authority *authority,
                      struct http_text path) {
  append_request_line(out, head, path);
  append(out, "Host: ");
  authority_write(out, authority, 80);
  append(out, "\r\n");
  for (size_t i = 0; i < head->num_fields; i++) {
    if (!request_drops(head, head->fields[i].name)) {
      append_field(out, head->fields[i].name, head->fields[i].value);
    }
  }
  append_max_forwards(out, head);
  if (head->framing == HTTP_BODY_LENGTH) {
    append_length(out, head->length);
  } else if (head->framing == HTTP_BODY_CHUNKED) {
    append(out, "Transfer-Encoding: chunked\r\n");
  }
  append(out, "Connection: close\r\n\r\n");
}

// A Content-Length of a response without a body tells about another one; with
// 204 and below 200 there must be none (RFC 9110, section 8.6).
static bool keeps_length(const struct http_head *head) {
  return head->has_length && head->status >= 200 && head->status != 204 &&
         (head->framing == HTTP_BODY_LENGTH || head->framing == HTTP_BODY_NONE);
}

void next_hop_response(struct bytes *out, const struct http_head *head,
                       bool as_chunks) {
  char line[32];
  snprintf(line, sizeof(line), "HTTP/1.1 %03d ", head->status);
  append(out, line);
  append_text(out, head->reason);
  append(out, "\r\n");
  for (size_t i = 0; i < head->num_fields; i++) {
    if (!is_dropped(head, head->fields[i].name)) {
      append_field(out, head->fields[i].name, head->fields[i].value);
    }
  }
  if (keeps_length(head)) {
    append_length(out, head->length);
  } else if (as_chunks) {
    append(out, "Transfer-Encoding: chunked\r\n");
  }
  append(out, head->status >= 200 ? "Connection: close\r\n\r\n" : "\r\n");
}
