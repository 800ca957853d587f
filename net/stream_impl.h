// stream_impl is what the kinds of stream (tcp.c, tls.c) share and nobody else
// sees: the state that stream.h promises about pausing, bytes that were put
// back, and the end, and the operations that a kind of stream brings.
//
// Events come from a kind's own event (a socket that is readable) or from the
// loop by way of `task`, never from inside a call of a stream_ function.

#ifndef ECHPROXY_NET_STREAM_IMPL_H
#define ECHPROXY_NET_STREAM_IMPL_H

#include "net/stream.h"
#include "net/worker.h"

// stream_ops is one kind of stream. No function of it runs an event but `pump`.
struct stream_ops {
  // want lets bytes come from below, or stops them. Called any number of times.
  void (*want)(struct stream *stream, bool on);
  // has_input says that bytes have come already, so that `pump` must run. NULL
  // when the kind never keeps any.
  bool (*has_input)(const struct stream *stream);
  // pump hands on what has come with stream_emit_data, as long as
  // stream_is_flowing. NULL with has_input.
  void (*pump)(struct stream *stream);
  void (*write)(struct stream *stream, const uint8_t *data, size_t len);
  size_t (*pending)(const struct stream *stream);
  // shutdown ends our direction. With `whole` false the peer can tell, where
  // the kind has a way to say so, that there should have been more.
  void (*shutdown)(struct stream *stream, bool whole);
  // Whether a stream of this kind heeds its `sink`, when that is one too.
  bool splices;
  // close releases the object, but not before the running event has returned.
  void (*close)(struct stream *stream);
};

// stream is embedded first in every kind's own struct.
struct stream {
  const struct stream_ops *ops;
  const struct stream_events *events;
  void *owner;
  struct worker *worker;
  struct stream *sink;  // where what comes goes on to, or NULL
  void (*on_moved)(void *owner, size_t len);
  struct task task;   // runs events that could not run at once
  struct bytes held;  // put back, comes before anything else
  int end_err;        // why, when end_is_waiting
  int write_err;      // a failure of writing, still to be told, or 0
  int output_err;     // why nothing is sent while the rest is still read, or 0
  bool reading;       // the owner lets events run
  bool end_is_waiting;  // the end has come, on_end has not run
  bool ended;           // on_end has run
  bool dead;            // an error was met, nothing can be written
  bool shut;            // our direction has ended
  bool closed;          // the owner is gone, memory is about to go
};

// stream_init sets up `stream`, which is zero, as paused.
void stream_init(struct stream *stream, const struct stream_ops *ops,
                 struct worker *worker);

// stream_end_output is stream_shutdown, with `whole` as its kind's shutdown has
// it.
void stream_end_output(struct stream *stream, bool whole);

// stream_is_flowing says whether data from below may go to on_data right now.
bool stream_is_flowing(const struct stream *stream);

// stream_emit_data runs on_data. The stream may be closed or paused afterwards.
void stream_emit_data(struct stream *stream, const uint8_t *data, size_t len);

// stream_emit_moved tells of bytes that went to the sink. As stream_emit_data.
void stream_emit_moved(struct stream *stream, size_t len);

// stream_emit_end tells of the end from an event of the kind: at once when the
// stream is flowing, else when it is read again. It may be closed afterwards.
void stream_emit_end(struct stream *stream, int err);

// stream_emit_drained runs on_drained, if there is one.
void stream_emit_drained(struct stream *stream);

// stream_fail says that writing failed. on_end runs from the loop, even while
// reading is paused.
void stream_fail(struct stream *stream, int err);

// stream_fail_output says that the peer takes no more. What it has sent before
// may be its last word, so as long as the stream is read, that comes first;
// on_end tells of `err` after it.
void stream_fail_output(struct stream *stream, int err);

// stream_unend makes an end that was told already be told again, to an owner
// who has come later.
void stream_unend(struct stream *stream);

#endif
