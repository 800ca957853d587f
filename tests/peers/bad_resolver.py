"""A DoH server that is up to no good: an ASGI application for Debian's hypercorn,
over TLS with HTTP/2. It says truly that every name has the address 127.0.0.1, so
that nothing but the HTTPS record is missing, and is bad about that.

    python3 bad_resolver.py CERT KEY FAULT

prints `resolver on 127.0.0.1:PORT` when it is ready, and a line `asked HTTPS` or
`asked address` for each query. With `by-name` for FAULT the first label of the
site's name says what to do: _443._https.junk-7.site.test gets junk.
"""

import asyncio
import os
import re
import socket
import struct
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

A, CNAME, HTTPS = 1, 5, 65  # types of records (RFC 9460, section 14.1)
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


def question_of(query):
    """The bytes of the question and its type (RFC 1035, section 4.1.2)."""
    end = 12
    while query[end] != 0:
        end += 1 + query[end]
    return query[12 : end + 5], int.from_bytes(query[end + 1 : end + 3], "big")


def reply(query, rcode=0, flags=0x8180, kind=HTTPS, rdatas=()):
    """An answer with records of `kind` for the name that was asked for."""
    counts = struct.pack(">HHHH", 1, len(rdatas), 0, 0)
    head = query[:2] + struct.pack(">H", flags | rcode) + counts
    records = b"".join(
        b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(rdata)) + rdata
        for rdata in rdatas
    )
    return head + question_of(query)[0] + records


async def servfail(send, query):
    """RCODE 2: RFC 9460, section 3.1, says not to go on without the record."""
    await answer(send, reply(query, rcode=2))


async def refused(send, query):
    """RCODE 5, which says nothing about the name."""
    await answer(send, reply(query, rcode=5))


async def formerr(send, query):
    await answer(send, reply(query, rcode=1))


async def notimp(send, query):
    await answer(send, reply(query, rcode=4))


async def truncated(send, query):
    await answer(send, reply(query, flags=0x8380))


async def notaresponse(send, query):
    await answer(send, reply(query, flags=0x0100))


async def noquestion(send, query):
    await answer(send, query[:2] + b"\x81\x80" + bytes(8))


async def toomany(send, query):
    """Says that there are more records than there are."""
    message = bytearray(reply(query))
    message[7] = 9
    await answer(send, bytes(message))


async def long(send, query):
    await answer(send, reply(query) + bytes(70000))


async def loop(send, query):
    """A CNAME that leads back to where it started."""
    name = question_of(query)[0][:-4]
    await answer(send, reply(query, kind=CNAME, rdatas=[name]))


async def redirect(send, query):
    headers = [(b"location", b"https://127.0.0.1:1/")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


# Records of priority 1 and target `.` (RFC 9460, section 2.2).
GOOD = b"\0\1\0" + b"\0\1\0\3\2h2"
BAD_PORT = b"\0\2\0" + b"\0\3\0\1\x50"


async def badorder(send, query):
    """SvcParamKeys that do not ascend."""
    record = b"\0\1\0" + b"\0\3\0\2\0\x50" + b"\0\1\0\3\2h2"
    await answer(send, reply(query, rdatas=[record]))


async def badlength(send, query):
    """A SvcParam that reaches beyond its record."""
    await answer(send, reply(query, rdatas=[b"\0\1\0" + b"\0\1\0\x63\2h2"]))


async def badport(send, query):
    await answer(send, reply(query, rdatas=[BAD_PORT]))


async def badtarget(send, query):
    await answer(send, reply(query, rdatas=[b"\0\1\x3fabc"]))


async def onebad(send, query):
    """One malformed record spoils the whole RRset."""
    await answer(send, reply(query, rdatas=[GOOD, BAD_PORT]))


FAULTS = {
    f.__name__: f
    for f in (
        (junk, empty, cut, html, error, silent, half, forged, servfail, refused)
        + (formerr, notimp, truncated, notaresponse, noquestion, toomany, long)
        + (loop, redirect, badorder, badlength, badport, badtarget, onebad)
    )
}


def fault_for(query):
    if sys.argv[3] != "by-name":
        return FAULTS[sys.argv[3]]
    found = re.search(rb"([a-z]+)-[a-z0-9]+\x04site\x04test\0", query)
    return FAULTS[found.group(1).decode()]


async def give_address(send, query):
    kind = question_of(query)[1]
    rdatas = [b"\x7f\0\0\1"] if kind == A else []
    await answer(send, reply(query, kind=kind, rdatas=rdatas))


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
        await fault_for(query)(send, query)
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
    config.keep_alive_timeout = 600
    print("resolver on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    asyncio.run(serve(resolver, config))


if __name__ == "__main__":
    main()
