"""A DoH server that is up to no good: an ASGI application for Debian's hypercorn,
over TLS with HTTP/2. It says truly that every name has the address 127.0.0.1, so
that nothing but the HTTPS record is missing, and is bad about that.

    python3 bad_resolver.py CERT KEY FAULT

prints `resolver on 127.0.0.1:PORT` when it is ready, and a line `asked HTTPS` or
`asked address` for each query.
"""

import asyncio
import os
import socket
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

HTTPS = 65  # the type of the record (RFC 9460, section 14.1)
MESSAGE = b"application/dns-message"


async def answer(send, body, status=200, content_type=MESSAGE, end=True):
    headers = [(b"content-type", content_type)]
    await send(
        {"type": "http.response.start", "status": status, "headers": headers}
    )
    await send(
        {"type": "http.response.body", "body": body, "more_body": not end}
    )


async def forever():
    await asyncio.Event().wait()


async def junk(send, query):
    await answer(send, os.urandom(200))


async def empty(send, query):
    await answer(send, b"")


async def cut(send, query):
    await answer(send, query[:2] + b"\x81\x80" + query[4:-7])


async def html(send, query):
    await answer(send, b"<p>Log in to this network.", content_type=b"text/html")


async def error(send, query):
    await answer(send, b"no", status=500)


async def silent(send, query):
    await forever()


async def half(send, query):
    await answer(send, query[:12], end=False)
    await forever()


async def forged(send, query):
    """An answer, without an error, to a question that was not asked."""
    question = query[12:].replace(b"secret", b"decoyy")
    await answer(send, query[:2] + b"\x81\x80" + query[4:10] + b"\0\0" + question)


async def servfail(send, query):
    """RCODE 2: RFC 9460, section 3.1, says not to go on without the record."""
    await answer(send, query[:2] + b"\x81\x82" + query[4:])


async def refused(send, query):
    """RCODE 5, which says nothing about the name."""
    await answer(send, query[:2] + b"\x81\x85" + query[4:])


FAULTS = {
    f.__name__: f
    for f in (
        junk, empty, cut, html, error, silent, half, forged, servfail, refused
    )
}


def question_of(query):
    """The bytes of the question and its type (RFC 1035, section 4.1.2)."""
    end = 12
    while query[end] != 0:
        end += 1 + query[end]
    return query[12 : end + 5], int.from_bytes(query[end + 1 : end + 3], "big")


async def give_address(send, query):
    question, kind = question_of(query)
    is_a = kind == 1
    counts = b"\0\1" + (b"\0\1" if is_a else b"\0\0") + b"\0\0\0\0"
    record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if is_a else b""
    await answer(send, query[:2] + b"\x81\x80" + counts + question + record)


async def resolver(scope, receive, send):
    if scope["type"] != "http":
        return
    query = b""
    more = True
    while more:
        event = await receive()
        query += event.get("body", b"")
        more = event.get("more_body", False)
    if question_of(query)[1] == HTTPS:
        print("asked HTTPS", flush=True)
        await FAULTS[sys.argv[3]](send, query)
    else:
        print("asked address", flush=True)
        await give_address(send, query)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    config = Config()
    config.bind = ["fd://%d" % listener.fileno()]
    config.certfile = sys.argv[1]
    config.keyfile = sys.argv[2]
    config.errorlog = None
    print("resolver on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    asyncio.run(serve(resolver, config))


if __name__ == "__main__":
    main()
