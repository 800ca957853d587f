"""The site behind the tests' origin: an ASGI application for Debian's hypercorn,
which speaks HTTP/1.1, HTTP/2 with prior knowledge and WebSocket in the clear on
one port of loopback.

    python3 site.py [--port N]

prints `site on 127.0.0.1:PORT` when it is ready, and one line
`report JSON` for each report that a browser posts.
"""

import asyncio
import hashlib
import json
import signal
import socket
import struct
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

NUM_PARTS = 50
BLOCK = bytes((i * 167 + (i >> 8) * 13) & 0xFF for i in range(65536))
BULK = 64 << 20


def blocks(size):
    """Yields `size` bytes of which no two blocks are alike. The page's script
    makes the same bytes."""
    for number in range((size + 65535) // 65536):
        block = struct.pack(">I", number) + BLOCK[4:]
        yield block[: min(65536, size - number * 65536)]


PAGE = """<!doctype html>
<title>report</title>
<link rel="icon" href="data:,">
%s
<script>
const kBulk = %d;

function bulk() {
  const bytes = new Uint8Array(kBulk);
  const block = new Uint8Array(65536);
  for (let i = 0; i < 65536; i++) block[i] = (i * 167 + (i >> 8) * 13) & 255;
  for (let n = 0; n * 65536 < kBulk; n++) {
    bytes.set(block, n * 65536);
    new DataView(bytes.buffer).setUint32(n * 65536, n);
  }
  return bytes;
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, b => b.toString(16).padStart(2, '0')).join('');
}

function protocolOf(part) {
  const entries = performance.getEntriesByType('resource');
  return entries.filter(e => e.name.includes(part)).map(e => e.nextHopProtocol);
}

function parts() {
  const images = Array.from(document.images);
  return {
    loaded: images.filter(i => i.complete && i.naturalWidth === 7).length,
    protocols: Array.from(new Set(protocolOf('/part/'))),
  };
}

function echo() {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket('wss://' + location.host + '/echo');
    socket.onopen = () => socket.send('what comes back');
    socket.onmessage = e => { resolve(e.data); socket.close(); };
    socket.onerror = () => reject(new Error('WebSocket failed'));
  });
}

async function upload(bytes) {
  const answer = await fetch('/hash', {method: 'POST', body: bytes});
  return answer.text();
}

async function download() {
  const answer = await fetch('/bulk?' + kBulk);
  return sha256(await answer.arrayBuffer());
}

async function run() {
  const report = {parts: parts(), errors: []};
  const bytes = bulk();
  report.expected = await sha256(bytes);
  const steps = {
    echo: echo, upload: () => upload(bytes), download: download,
  };
  for (const name in steps) {
    const start = performance.now();
    try {
      report[name] = await steps[name]();
    } catch (error) {
      report.errors.push(name + ': ' + error);
    }
    report[name + '_ms'] = Math.round(performance.now() - start);
  }
  report.page = performance.getEntriesByType('navigation')[0].nextHopProtocol;
  await fetch('/report', {method: 'POST', body: JSON.stringify(report)});
  document.title = 'done';
}
addEventListener('load', run);
</script>
"""

PART = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7">'
    "<!-- part %d --></svg>"
)


def page():
    images = "\n".join('<img src="/part/%d.svg">' % i for i in range(NUM_PARTS))
    return (PAGE % (images, BULK)).encode()


async def body_parts(receive):
    more = True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            return
        yield event.get("body", b"")
        more = event.get("more_body", False)


async def start_answer(send, content_type, size, status=200):
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(size).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send(
        {"type": "http.response.start", "status": status, "headers": headers}
    )


async def answer(send, body, content_type=b"text/plain", status=200):
    await start_answer(send, content_type, len(body), status)
    await send({"type": "http.response.body", "body": body})


async def serve_hash(scope, receive, send):
    digest = hashlib.sha256()
    async for part in body_parts(receive):
        digest.update(part)
    await answer(send, digest.hexdigest().encode())


async def serve_report(scope, receive, send):
    body = b"".join([part async for part in body_parts(receive)])
    print("report", json.dumps(json.loads(body)), flush=True)
    await answer(send, b"thanks")


async def serve_bulk(scope, receive, send):
    size = int(scope["query_string"])
    await start_answer(send, b"application/octet-stream", size)
    for block in blocks(size):
        await send(
            {"type": "http.response.body", "body": block, "more_body": True}
        )
    await send({"type": "http.response.body", "body": b""})


async def serve_part(scope, receive, send):
    number = int(scope["path"].split("/")[-1].split(".")[0])
    await answer(send, (PART % number).encode(), b"image/svg+xml")


async def serve_page(scope, receive, send):
    await answer(send, page(), b"text/html")


async def serve_hello(scope, receive, send):
    await answer(send, b"hello from the site\n")


HTTP = {
    "/": serve_hello,
    "/page": serve_page,
    "/hash": serve_hash,
    "/bulk": serve_bulk,
    "/report": serve_report,
}


async def serve_echo(receive, send):
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            return


async def site(scope, receive, send):
    if scope["type"] == "websocket":
        await serve_echo(receive, send)
    elif scope["type"] == "http":
        path = scope["path"]
        handler = serve_part if path.startswith("/part/") else HTTP.get(path)
        if handler is None:
            await answer(send, b"no such page\n", status=404)
        else:
            await handler(scope, receive, send)


async def run(listener):
    config = Config()
    config.bind = ["fd://%d" % listener.fileno()]
    config.accesslog = None
    config.errorlog = None
    config.keep_alive_timeout = 600
    config.h2_max_concurrent_streams = 100
    config.h2_max_inbound_frame_size = 1 << 18
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(site, config, shutdown_trigger=stop.wait)


def main():
    port = int(sys.argv[2]) if sys.argv[1:2] == ["--port"] else 0
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    print("site on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    asyncio.run(run(listener))


if __name__ == "__main__":
    main()
