"""Keys and certificates of a bench: a root, an intermediate and a leaf for every
site, so that chains are as long as real ones; a second root for the peers that
mint; and the ECH key of the origins. P-256, but for one."""

import base64
import re

from processes import run

NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
RSA_KEY = ("-newkey", "rsa:2048", "-nodes")
PUBLIC_NAME = "public.bench.test"
CA_USAGE = (
    "-addext", "basicConstraints=critical,CA:TRUE",
    "-addext", "keyUsage=critical,keyCertSign,cRLSign",
)  # fmt: skip
SERVER_USAGE = (
    "-addext", "basicConstraints=critical,CA:FALSE",
    "-addext", "keyUsage=critical,digitalSignature",
    "-addext", "extendedKeyUsage=serverAuth",
)  # fmt: skip


class Certificates:
    """Files below `directory`; every X.crt has an X.key, and X.pem is both."""

    def __init__(self, directory):
        self.directory = directory
        self.make("root", "The bench's root", CA_USAGE)
        self.make("intermediate", "The bench's intermediate", CA_USAGE, "root")
        names = "subjectAltName=DNS:bench.test,DNS:*.bench.test"
        self.make(
            "leaf", "bench.test", ("-addext", names, *SERVER_USAGE), "intermediate"
        )
        address = ("-addext", "subjectAltName=IP:127.0.0.1")
        self.make("resolver", "127.0.0.1", (*address, *SERVER_USAGE), "root")
        self.make("minter", "The bench's minting CA", CA_USAGE)
        # privoxy signs with RSA only.
        self.make("rsa-minter", "The bench's minting CA", CA_USAGE, key=RSA_KEY)
        self.chain = self.join("chain.crt", "leaf.crt", "intermediate.crt")
        self.leaf = self.path("leaf.key")
        self.bundle = self.join(
            "bundle.pem", "leaf.crt", "intermediate.crt", "leaf.key"
        )
        self.root = self.path("root.crt")

    def path(self, name):
        return self.directory / name

    def make(self, name, subject, extensions, issuer=None, key=NEW_KEY):
        signer = ()
        if issuer:
            signer = (
                "-CA", self.path(issuer + ".crt"),
                "-CAkey", self.path(issuer + ".key"),
            )  # fmt: skip
        run(
            "openssl", "req", "-x509", *signer, *key, "-days", "30",
            "-subj", f"/O=echproxy bench/CN={subject}", *extensions,
            "-keyout", self.path(name + ".key"), "-out", self.path(name + ".crt"),
        )  # fmt: skip

    def join(self, name, *parts):
        text = "".join(self.path(part).read_text() for part in parts)
        self.path(name).write_text(text)
        return self.path(name)

    def make_ech(self, echproxy):
        """Makes the origins' ECH key. Returns its PEM file and the
        ECHConfigList in Base64."""
        pem = self.path("ech.pem")
        run(echproxy, "keygen", PUBLIC_NAME, "--out", pem)
        found = re.search(
            "-----BEGIN ECHCONFIG-----(.*?)-----END", pem.read_text(), re.S
        )
        config = "".join(found[1].split())
        base64.b64decode(config, validate=True)
        return pem, config
