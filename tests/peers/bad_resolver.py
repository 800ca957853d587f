"""A DoH server that is up to no good: an ASGI application for Debian's hypercorn,
over TLS with HTTP/2.

    python3 bad_resolver.py CERT KEY FAULT

prints `resolver on 127.0.0.1:PORT` when it is ready, and one line `asked` for
each query. With `by-name` for FAULT the first label of the site's name says what
to do: `junk-7.site.test` or `_443._https.junk-7.site.test` gets junk.
"""

import asyncio
import os
import re
import socket
import struct
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

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


async def refused(send, query):
    """RCODE 5, which says nothing about the name."""
    await answer(send, query[:2] + b"\x81\x85" + query[4:])


def question_of(query):
    """The question's bytes and its type."""
    end = query.index(b"\0", 12) + 5
    return query[12:end], struct.unpack(">H", query[end - 4 : end - 2])[0]


def reply(query, rcode=0, records=(), flags=0x8180, id=None):
    """An answer with `records`: (owner, type, rdata)."""
    body = b"".join(
        owner + struct.pack(">HHIH", kind, 1, 60, len(rdata)) + rdata
        for owner, kind, rdata in records
    )
    counts = struct.pack(">HHHH", 1, len(records), 0, 0)
    head = (query[:2] if id is None else id) + struct.pack(">H", flags | rcode)
    return head + counts + question_of(query)[0] + body


A, CNAME, HTTPS = 1, 5, 65
QNAME = b"\xc0\x0c"


def addresses_or(query, *https):
    """127.0.0.1 for A, `https` for HTTPS, nothing for any other type."""
    kind = question_of(query)[1]
    rdata = {A: [b"\x7f\0\0\x01"], HTTPS: https}.get(kind, [])
    return reply(query, records=[(QNAME, kind, data) for data in rdata])


async def servfail(send, query):
    await answer(send, reply(query, rcode=2))


async def notimp(send, query):
    await answer(send, reply(query, rcode=4))


async def formerr(send, query):
    await answer(send, reply(query, rcode=1))


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
    owner = question_of(query)[0][:-4]
    await answer(send, reply(query, records=[(QNAME, CNAME, owner)]))


async def redirect(send, query):
    headers = [(b"location", b"https://127.0.0.1:1/")]
    await send({"type": "http.response.start", "status": 302, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def badorder(send, query):
    """SvcParamKeys that do not ascend (RFC 9460, section 2.2)."""
    params = b"\0\3\0\2\0\x50" + b"\0\1\0\3\2h2"
    await answer(send, addresses_or(query, b"\0\1\0" + params))


async def badlength(send, query):
    """A SvcParam that reaches beyond its record."""
    await answer(send, addresses_or(query, b"\0\1\0" + b"\0\1\0\x63\2h2"))


async def badport(send, query):
    await answer(send, addresses_or(query, b"\0\1\0" + b"\0\3\0\1\x50"))


async def badtarget(send, query):
    await answer(send, addresses_or(query, b"\0\1\x3fabc"))


async def onebad(send, query):
    """One malformed record spoils the whole RRset."""
    good = b"\0\1\0" + b"\0\1\0\3\2h2"
    await answer(send, addresses_or(query, good, b"\0\2\0" + b"\0\3\0\1\x50"))


async def slowaddress(send, query):
    """The HTTPS answer is bad news, the addresses never come."""
    if question_of(query)[1] != HTTPS:
        await forever()
    await answer(send, reply(query, rcode=2))


async def onlyhttps(send, query):
    """Addresses come, the HTTPS answer does not."""
    if question_of(query)[1] == HTTPS:
        await forever()
    await answer(send, addresses_or(query))


async def onlyaddress(send, query):
    """Addresses come, the HTTPS query is refused."""
    if question_of(query)[1] == HTTPS:
        await answer(send, reply(query, rcode=5))
    else:
        await answer(send, addresses_or(query))


FAULTS = {
    f.__name__: f
    for f in (junk, empty, cut, html, error, silent, half, forged, refused)
    + (servfail, notimp, formerr, truncated, notaresponse, noquestion, toomany)
    + (long, loop, redirect, badorder, badlength, badport, badtarget, onebad)
    + (slowaddress, onlyhttps, onlyaddress)
}


def fault_for(query):
    if sys.argv[3] != "by-name":
        return FAULTS[sys.argv[3]]
    found = re.search(rb"[\x02-\x3f]([a-z]+)-[a-z0-9]+\x04site\x04test\0", query)
    return FAULTS[found.group(1).decode()]


async def resolver(scope, receive, send):
    if scope["type"] != "http":
        return
    query = b""
    more = True
    while more:
        event = await receive()
        query += event.get("body", b"")
        more = event.get("more_body", False)
    print("asked", flush=True)
    await fault_for(query)(send, query)


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
