// log_sink is where the log's lines go, which is standard error: who reads
// there, and what is held back of lines that repeat (log_repeats). One is
// shared by all configurations of a running proxy. It is thread-safe.

#ifndef ECHPROXY_PROXY_LOG_SINK_H
#define ECHPROXY_PROXY_LOG_SINK_H

#include "net/worker.h"
#include "proxy/log_line.h"

enum { kLogSinkIntervalMs = 10000 };

// log_sink_new looks who reads standard error: the journal when JOURNAL_STREAM
// (systemd.exec(5)) is about it, a person when it is a terminal (terminal.h).
struct log_sink *log_sink_new(void);

// log_sink_free writes what is held back and releases `sink`, which no struct
// log may have any more. NULL does nothing.
void log_sink_free(struct log_sink *sink);

// log_sink_write writes `line`, or holds it back.
void log_sink_write(struct log_sink *sink, const struct log_line *line,
                    enum log_format format);

// log_sink_flush ends an interval: the sums of what was held back are written.
void log_sink_flush(struct log_sink *sink);

struct log_ticker;

// log_ticker_open flushes `sink`, which it borrows, on `worker`'s loop every
// kLogSinkIntervalMs, whether or not anything is logged.
struct log_ticker *log_ticker_open(struct worker *worker,
                                   struct log_sink *sink);

// log_ticker_close ends that. NULL does nothing.
void log_ticker_close(struct log_ticker *ticker);

#endif
