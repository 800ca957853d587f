#include "proxy/status_client.h"

#include <errno.h>
#include <openssl/mem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/xalloc.h"
#include "proxy/http_body.h"
#include "proxy/http_head.h"

enum { kReadSize = 16 * 1024, kRequestSize = 512 };

struct status_client {
  int fd;
  struct bytes in;  // the head, and what came with it
  struct http_body body;
};

const char *status_outcome_str(enum status_outcome outcome) {
  switch (outcome) {
#define X(name, text) \
  case name:          \
    return text;
    STATUS_OUTCOMES(X)
#undef X
  }
  return "unknown";
}

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

// Waits until `fd` is ready for `events`. False when it is not so until `end`.
static bool wait_for(int fd, short events, int64_t end) {
  struct pollfd poller = {.fd = fd, .events = events};
  int num;
  do {
    int64_t left = end - now_ms();
    num = poll(&poller, 1, left > 0 ? (int)left : 0);
  } while (num < 0 && errno == EINTR);
  return num > 0;
}

static bool connect_to(int fd, const struct address *address, int64_t end) {
  struct sockaddr_storage to;
  socklen_t len = address_to_sockaddr(&to, address);
  int err = 0;
  socklen_t err_len = sizeof(err);
  if (connect(fd, (struct sockaddr *)&to, len) == 0) {
    return true;
  }
  return errno == EINPROGRESS && wait_for(fd, POLLOUT, end) &&
         getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &err_len) == 0 && err == 0;
}

// Returns the socket, or -1 when nobody listens there.
static int open_socket(const struct address *address, int64_t end) {
  int fd = socket(address->is_ipv6 ? AF_INET6 : AF_INET,
                  SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd >= 0 && !connect_to(fd, address, end)) {
    close(fd);
    fd = -1;
  }
  return fd;
}

// The request fits into the buffer of a new socket. MSG_NOSIGNAL: who listens
// may have gone.
static bool send_request(int fd, const struct address *address,
                         const char *token, const char *path) {
  char host[kAddressTextSize];
  char text[kRequestSize];
  int len = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: %s\r\n"
                     "Authorization: Bearer %s\r\nConnection: close\r\n\r\n",
                     path, address_format(host, address), token);
  bool ok = len > 0 && len < kRequestSize &&
            send(fd, text, (size_t)len, MSG_NOSIGNAL) == len;
  OPENSSL_cleanse(text, sizeof(text));
  return ok;
}

// Appends what has come to `out`. STATUS_DONE at its end.
static enum status_outcome receive(int fd, struct bytes *out, int64_t end) {
  uint8_t data[kReadSize];
  if (!wait_for(fd, POLLIN, end)) {
    return STATUS_SILENT;
  }
  ssize_t len = recv(fd, data, sizeof(data), 0);
  if (len < 0) {
    return errno == EINTR || errno == EAGAIN ? STATUS_MORE : STATUS_NOT_OURS;
  }
  bytes_append(out, data, (size_t)len);
  return len == 0 ? STATUS_DONE : STATUS_MORE;
}

static enum status_outcome judge(int http_status) {
  switch (http_status) {
    case 200:
      return STATUS_MORE;
    case 401:
    case 403:
      return STATUS_WRONG_TOKEN;
    case 503:
      return STATUS_TOO_MANY;
    default:
      return STATUS_NOT_OURS;
  }
}

static enum status_outcome read_head(struct status_client *client,
                                     int64_t end) {
  struct http_head head;
  struct http_scan scan = {0};
  enum http_head_status status = HTTP_HEAD_INCOMPLETE;
  while (status == HTTP_HEAD_INCOMPLETE) {
    enum status_outcome outcome = receive(client->fd, &client->in, end);
    if (outcome != STATUS_MORE) {
      return outcome == STATUS_DONE ? STATUS_NOT_OURS : outcome;
    }
    status = http_response_read(&head, &scan, client->in.data, client->in.len,
                                false);
  }
  if (status != HTTP_HEAD_OK) {
    return STATUS_NOT_OURS;
  }
  http_body_init(&client->body, head.framing, head.length);
  client->in.len -= head.len;
  memmove(client->in.data, client->in.data + head.len, client->in.len);
  return judge(head.status);
}

static enum status_outcome ask(struct status_client *client,
                               const struct running *running,
                               const char *path) {
  struct address address;
  int64_t end = now_ms() + kStatusAnswerMs;
  if (!running_reach(&address, running)) {
    return STATUS_OFF_MACHINE;
  }
  client->fd = open_socket(&address, end);
  if (client->fd < 0) {
    return STATUS_NOBODY;
  }
  if (!send_request(client->fd, &address, running->token, path)) {
    return STATUS_NOT_OURS;
  }
  return read_head(client, end);
}

enum status_outcome status_client_open(struct status_client **out,
                                       const struct running *running,
                                       const char *path) {
  *out = xcalloc(1, sizeof(**out));
  (*out)->fd = -1;
  enum status_outcome outcome = ask(*out, running, path);
  if (outcome != STATUS_MORE) {
    status_client_close(*out);
    *out = NULL;
  }
  return outcome;
}

// Moves the content of what has come to `out`.
static enum status_outcome take_content(struct status_client *client,
                                        struct bytes *out) {
  size_t used = 0;
  while (client->body.status == HTTP_BODY_MORE && used < client->in.len) {
    const uint8_t *content;
    size_t len;
    used += http_body_next(&client->body, client->in.data + used,
                           client->in.len - used, &content, &len);
    bytes_append(out, content, len);
  }
  client->in.len = 0;
  switch (client->body.status) {
    case HTTP_BODY_MORE:
      return STATUS_MORE;
    case HTTP_BODY_DONE:
      return STATUS_DONE;
    case HTTP_BODY_BROKEN:
    case HTTP_BODY_TRUNCATED:
      break;
  }
  return STATUS_NOT_OURS;
}

enum status_outcome status_client_read(struct status_client *client,
                                       struct bytes *out, int timeout_ms) {
  if (client->in.len > 0 || client->body.status != HTTP_BODY_MORE) {
    return take_content(client, out);
  }
  enum status_outcome outcome =
      receive(client->fd, &client->in, now_ms() + timeout_ms);
  if (outcome == STATUS_DONE) {
    http_body_end(&client->body);
  } else if (outcome != STATUS_MORE) {
    return outcome == STATUS_SILENT ? STATUS_MORE : outcome;
  }
  return take_content(client, out);
}

int status_client_fd(const struct status_client *client) { return client->fd; }

void status_client_close(struct status_client *client) {
  if (client == NULL) {
    return;
  }
  if (client->fd >= 0) {
    close(client->fd);
  }
  free(client->in.data);
  free(client);
}

enum status_outcome status_client_get(char **out, const struct running *running,
                                      const char *path) {
  struct status_client *client;
  struct bytes body = {0};
  enum status_outcome outcome = status_client_open(&client, running, path);
  int64_t end = now_ms() + kStatusAnswerMs;
  while (outcome == STATUS_MORE) {
    int64_t left = end - now_ms();
    outcome = body.len > kStatusAnswerMax ? STATUS_TOO_LONG
              : left <= 0                 ? STATUS_SILENT
                          : status_client_read(client, &body, (int)left);
  }
  status_client_close(client);
  *out = NULL;
  if (outcome == STATUS_DONE) {
    bytes_append(&body, "", 1);
    *out = (char *)body.data;
  } else {
    free(body.data);
  }
  return outcome;
}

bool status_client_is_there(const struct running *running) {
  struct address address;
  if (!running_reach(&address, running)) {
    return false;
  }
  int fd = open_socket(&address, now_ms() + kStatusAnswerMs);
  if (fd >= 0) {
    close(fd);
  }
  return fd >= 0;
}
