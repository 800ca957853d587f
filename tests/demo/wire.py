"""What an observer reads from a TLS connection's bytes: the record layer, the
ClientHello and the ServerHello. It knows no key and uses none."""

from dataclasses import dataclass, field

HANDSHAKE, APPLICATION_DATA = 22, 23
CLIENT_HELLO, SERVER_HELLO, CERTIFICATE = 1, 2, 11
SERVER_NAME, ALPN, SUPPORTED_VERSIONS, ECH = 0, 16, 43, 0xFE0D
VERSIONS = {0x0301: "1.0", 0x0302: "1.1", 0x0303: "1.2", 0x0304: "1.3"}
AEADS = {1: "AES-128-GCM", 2: "AES-256-GCM", 3: "ChaCha20-Poly1305"}


class Reader:
    """Takes big-endian numbers and length-prefixed pieces off some bytes."""

    def __init__(self, data):
        self.data = bytes(data)

    def take(self, size):
        if size > len(self.data):
            raise ValueError("cut short")
        piece, self.data = self.data[:size], self.data[size:]
        return piece

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def vector(self, length_size):
        return Reader(self.take(self.number(length_size)))


@dataclass
class EchOuter:
    """The encrypted_client_hello extension of an outer hello (RFC 9849,
    section 5)."""

    config_id: int
    aead: str
    enc_len: int
    payload_len: int


@dataclass
class ClientHello:
    """The fields that a person asks about."""

    length: int = 0
    server_name: str = ""
    alpn: list = field(default_factory=list)
    versions: list = field(default_factory=list)
    num_ciphers: int = 0
    num_extensions: int = 0
    ech: EchOuter = None


def records(data):
    """Yields (type, body) of every whole record in `data`."""
    reader = Reader(data)
    while len(reader.data) >= 5:
        kind = reader.number(1)
        reader.take(2)
        try:
            yield kind, reader.vector(2).data
        except ValueError:
            return


def clear_messages(data):
    """Yields (type, body) of the handshake messages that are not encrypted."""
    clear = b"".join(body for kind, body in records(data) if kind == HANDSHAKE)
    reader = Reader(clear)
    while len(reader.data) >= 4:
        kind = reader.number(1)
        try:
            yield kind, reader.vector(3).data
        except ValueError:
            return


def client_hello(data):
    """Decodes the ClientHello that `data`, sent by a client, begins with."""
    kind, body = next(clear_messages(data), (None, b""))
    if kind != CLIENT_HELLO:
        raise ValueError("does not begin with a ClientHello")
    hello = ClientHello(length=len(body) + 4)
    reader = Reader(body)
    reader.take(2 + 32)  # legacy_version, random
    reader.vector(1)  # legacy_session_id
    hello.num_ciphers = len(reader.vector(2).data) // 2
    reader.vector(1)  # legacy_compression_methods
    extensions = reader.vector(2)
    while extensions.data:
        kind = extensions.number(2)
        read_extension(hello, kind, extensions.vector(2))
        hello.num_extensions += 1
    return hello


def read_extension(hello, kind, body):
    if kind == SERVER_NAME:
        names = body.vector(2)
        names.take(1)  # host_name
        hello.server_name = names.vector(2).data.decode("ascii")
    elif kind == ALPN:
        protocols = body.vector(2)
        while protocols.data:
            hello.alpn.append(protocols.vector(1).data.decode("ascii"))
    elif kind == SUPPORTED_VERSIONS:
        versions = body.vector(1)
        while versions.data:
            version = versions.number(2)
            if version & 0x0F0F != 0x0A0A:  # GREASE (RFC 8701)
                hello.versions.append(VERSIONS.get(version, hex(version)))
    elif kind == ECH and body.number(1) == 0:  # outer
        body.take(2)  # kdf_id
        aead = body.number(2)
        hello.ech = EchOuter(
            aead=AEADS.get(aead, str(aead)),
            config_id=body.number(1),
            enc_len=len(body.vector(2).data),
            payload_len=len(body.vector(2).data),
        )


def num_encrypted(data):
    """Returns how many records of `data` are encrypted."""
    return sum(kind == APPLICATION_DATA for kind, _ in records(data))


def shows_certificate(data):
    """Says whether a Certificate message is there to read."""
    return any(kind == CERTIFICATE for kind, _ in clear_messages(data))


def num_pieces_in(needle, haystack, size=16):
    """Returns how many of the `size`-byte pieces of `needle` are in
    `haystack`."""
    starts = range(len(needle) - size + 1)
    return sum(needle[at : at + size] in haystack for at in starts)
