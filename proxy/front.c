#include "proxy/front.h"

#include <string.h>

#include "proxy/answer.h"
#include "proxy/socks5.h"

struct refusal {
  int status;
  const char *phrase;
  uint8_t reply;
};

static const struct refusal kRefusals[] = {
#define X(name, status, phrase, reply) {status, phrase, reply},
    FRONT_REFUSALS(X)
#undef X
};

static void write_reply(struct stream *browser, uint8_t code) {
  uint8_t reply[kSocks5ReplyLen];
  socks5_reply_write(reply, code);
  stream_write(browser, reply, sizeof(reply));
}

void front_accept(struct stream *browser, enum front_kind kind) {
  static const char kEstablished[] =
      "HTTP/1.1 200 Connection established\r\n\r\n";
  if (kind == FRONT_SOCKS5) {
    write_reply(browser, 0);
  } else {
    stream_write(browser, (const uint8_t *)kEstablished,
                 sizeof(kEstablished) - 1);
  }
}

void front_refuse(struct stream *browser, enum front_kind kind,
                  enum front_refusal refusal, const char *why) {
  const struct refusal *r = &kRefusals[refusal];
  if (kind == FRONT_SOCKS5) {
    write_reply(browser, r->reply);
    stream_close_after_drain(browser, kAnswerDrainMs);
  } else {
    answer_error(browser, r->status, why, false);
  }
}
