// stream is a two-way flow of bytes: a TCP connection (tcp.h) or a TLS session
// over one (tls.h). Whoever relays, speaks HTTP or speaks HTTP/2 sees only
// this.
//
// A stream starts paused. Its events never run inside a call of a stream_
// function; they stop for good when stream_close returns.

#ifndef ECHPROXY_NET_STREAM_H
#define ECHPROXY_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream;

struct stream_events {
  // on_data receives `len` > 0 bytes, borrowed until it returns. It may call
  // any stream_ function, stream_close included.
  void (*on_data)(void *owner, const uint8_t *data, size_t len);

  // on_end tells of the end. With `err` 0 the peer has finished sending (FIN;
  // with TLS, close_notify) and writing goes on; only a failed write may still
  // run it once more. Otherwise `err` is a libuv error, nothing runs after it,
  // and the stream is dead in both directions: UV_EOF is a TLS session that
  // ended without close_notify, UV_EPROTO broken TLS, UV_ECONNRESET and the
  // like the socket's own. A failed write is told here too, even while reading
  // is paused; while it is not, what the peer had sent before comes first.
  void (*on_end)(void *owner, int err);

  // on_drained runs when the kernel has taken all that was written, after
  // stream_pending was above 0. It may be NULL.
  void (*on_drained)(void *owner);
};

// stream_set_events names who receives the events of `stream` from now on.
// `events` is static, `owner` lives until the next call or stream_close.
void stream_set_events(struct stream *stream,
                       const struct stream_events *events, void *owner);

// stream_read_start lets on_data and on_end run; stream_read_stop pauses them
// (but for errors of writes). Both may be called at any time, any number of
// times. Bytes that arrived before the pause are kept and come first.
void stream_read_start(struct stream *stream);
void stream_read_stop(struct stream *stream);

// stream_splice says that what comes to `from` goes on to `to`. Between two
// connections the kernel moves it, as far as it can: then `moved(owner)`, with
// the owner of `from`, tells of `len` bytes in place of on_data. What does not
// go that way comes to on_data as ever, whose writes may leave only after it
// has returned: then `moved` is called with a `len` of 0. In `moved`, as in
// on_data, the owner asks for stream_pending(to). It holds until
// stream_set_events on `from`, and `to` must live so long.
void stream_splice(struct stream *from, struct stream *to,
                   void (*moved)(void *owner, size_t len));

// stream_unread puts `len` bytes back, which it copies, so that on_data gets
// them before anything else. It is for bytes that turned out to belong to
// whoever reads next.
void stream_unread(struct stream *stream, const uint8_t *data, size_t len);

// stream_write sends `len` bytes of `data`. What the kernel does not take at
// once is copied and sent later. Within on_data of a TLS session, what is
// written to another is sent, and counted by stream_pending, when all has been
// handed on that came with it. On a dead stream it does nothing.
void stream_write(struct stream *stream, const uint8_t *data, size_t len);

// stream_pending returns how many bytes wait for the kernel. Who writes stops
// while it is above 0 and goes on in on_drained.
size_t stream_pending(const struct stream *stream);

// stream_shutdown ends our direction after what was written: close_notify for
// TLS, then FIN. Nothing may be written afterwards. A second call does nothing.
void stream_shutdown(struct stream *stream);

// stream_close drops the connection with what it has not sent, releases
// `stream`, and lets no event run any more. NULL does nothing.
void stream_close(struct stream *stream);

// stream_close_after_drain releases `stream` like stream_close, but first lets
// what was written leave, for at most `timeout_ms`, then ends our direction and
// waits within the same time for the peer to close, dropping what it still
// sends, so that our last bytes are not lost to a reset. No event runs any
// more.
void stream_close_after_drain(struct stream *stream, uint64_t timeout_ms);

// stream_break_after_drain does the same, but so that the peer can tell that
// there should have been more: TLS ends without close_notify.
void stream_break_after_drain(struct stream *stream, uint64_t timeout_ms);

#endif
