#include "proxy/admission.h"

#include <openssl/base64.h>
#include <openssl/mem.h>
#include <string.h>
#include <strings.h>

#include "proxy/answer.h"

// A name, a colon and a password, as they are compared.
enum {
  kMaxCredentials = 2 * kUserListMaxText + 1,
  kMaxBase64 = (kMaxCredentials + 2) / 3 * 4,
};

struct credentials {
  uint8_t data[kMaxBase64];  // room for what BoringSSL decodes at most
  size_t len;
};

// Takes "Basic" (RFC 9110, section 11.1: in any case) and the blanks after it
// off the field's value. False when there is another scheme.
static bool take_scheme(struct http_text *io_value) {
  static const char kScheme[] = "Basic";
  size_t len = sizeof(kScheme) - 1;
  if (io_value->len <= len || strncasecmp(io_value->data, kScheme, len) != 0 ||
      io_value->data[len] != ' ') {
    return false;
  }
  while (len < io_value->len && io_value->data[len] == ' ') {
    len++;
  }
  io_value->data += len;
  io_value->len -= len;
  return true;
}

// More than one field could be read in two ways.
static const struct http_field *only_field(const struct http_head *head) {
  const struct http_field *found = NULL;
  for (size_t i = 0; i < head->num_fields; i++) {
    if (http_text_is(head->fields[i].name, "Proxy-Authorization")) {
      if (found != NULL) {
        return NULL;
      }
      found = &head->fields[i];
    }
  }
  return found;
}

// What cannot be decoded, or is too long, is the name and password of nobody.
static void decode(struct credentials *out, struct http_text base64) {
  out->len = 0;
  if (base64.len > kMaxBase64 ||
      !EVP_DecodeBase64(out->data, &out->len, sizeof(out->data),
                        (const uint8_t *)base64.data, base64.len) ||
      out->len > kMaxCredentials) {
    out->len = 0;
  }
}

static size_t place_of(const struct admission_desk *desk,
                       const struct credentials *c) {
  const uint8_t *colon = memchr(c->data, ':', c->len);
  size_t len = colon != NULL ? (size_t)(colon - c->data) : 0;
  return guesses_place(desk->users, &desk->peer, c->data,
                       len <= kUserListMaxText ? len : 0);
}

static enum admission decide(const struct admission_desk *desk,
                             size_t *out_place, struct credentials *c) {
  *out_place = place_of(desk, c);
  if (!guesses_may_try(desk->guesses, *out_place)) {
    return ADMISSION_TOO_MANY;
  }
  bool is_user = user_list_has(desk->users, c->data, c->len);
  if (!is_user) {
    guesses_begin(desk->guesses, *out_place);
  }
  return is_user ? ADMISSION_GRANTED : ADMISSION_WRONG;
}

enum admission admission_by_head(const struct admission_desk *desk,
                                 size_t *out_place,
                                 const struct http_head *head) {
  const struct http_field *field = only_field(head);
  struct http_text value = {NULL, 0};
  struct credentials credentials;
  if (field != NULL) {
    value = field->value;
  }
  if (field == NULL || !take_scheme(&value)) {
    return ADMISSION_MISSING;
  }
  decode(&credentials, value);
  enum admission admission = decide(desk, out_place, &credentials);
  OPENSSL_cleanse(&credentials, sizeof(credentials));
  return admission;
}

static void append(struct credentials *out, const uint8_t *data, size_t len) {
  memcpy(out->data + out->len, data, len);
  out->len += len;
}

enum admission admission_by_login(const struct admission_desk *desk,
                                  size_t *out_place,
                                  const struct socks5_login *login) {
  struct credentials credentials = {.len = 0};
  // With a colon the name would be another, and no user's has one.
  if (login->name_len == 0 ||
      memchr(login->name, ':', login->name_len) == NULL) {
    append(&credentials, login->name, login->name_len);
    append(&credentials, (const uint8_t *)":", 1);
    append(&credentials, login->password, login->password_len);
  }
  enum admission admission = decide(desk, out_place, &credentials);
  OPENSSL_cleanse(&credentials, sizeof(credentials));
  return admission;
}

void admission_refuse_http(struct stream *browser, bool head_only) {
  static const char kBody[] =
      "echproxy: this proxy asks for a name and a password\n";
  answer_send(browser, &(struct answer){.status = 407,
                                        .type = "text/plain; charset=utf-8",
                                        .fields = "Proxy-Authenticate: Basic "
                                                  "realm=\"echproxy\", "
                                                  "charset=\"UTF-8\"\r\n",
                                        .body = kBody,
                                        .body_len = sizeof(kBody) - 1,
                                        .head_only = head_only});
}

void admission_refuse_socks5(struct stream *browser) {
  uint8_t reply[kSocks5LoginReplyLen];
  socks5_login_reply_write(reply, false);
  stream_write(browser, reply, sizeof(reply));
  stream_close_after_drain(browser, kAnswerDrainMs);
}
