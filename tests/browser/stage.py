"""What the tests in browsers stand on, all of it on loopback: a site with ECH and
one without, each behind a tap; a resolver; another site, which is hostile; and
the proxy of a user whose home is a scratch directory.

The tests are told where the programs are by ECHPROXY and ECH_ORIGIN, and by AXE
the directory of fetch_axe.py.
"""

import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "demo"))
import wire
from peers import Peers, Trouble, find, free_port, run
from tap import Tap

from browsers import environment, firefox_page

SITE = "private-clinic.example"
PLAIN = "plain.example"
HOSTILE = "hostile.example"
PUBLIC_NAME = "cdn.example"
RESOLVER = "127.0.0.1"

UNBOUND_CONF = """
server:
  interface: 127.0.0.1@{port}
  https-port: {port}
  tls-service-key: "{key}"
  tls-service-pem: "{pem}"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  username: ""
  chroot: ""
  directory: ""
  pidfile: ""
  local-zone: "." static
  {data}
remote-control:
  control-enable: no
"""

PROXY_CONF = """\
# The user's own lines.
[proxy]
listen = 127.0.0.1:0
upstream-ca = {ca}

[resolver]
resolver = https://127.0.0.1:{port}/dns-query
resolver-ca = {ca}
"""


class Pages:
    """A web server that answers each path with the page that `pages` has for it,
    the rest with 404."""

    def __init__(self):
        self.pages = {"/": "<!doctype html><title>site</title><p>This is the site."}
        pages = self.pages

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                page = pages.get(self.path.split("?")[0])
                body = (page or "not here").encode()
                self.send_response(200 if page else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a browser that has left
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MortalPeers(Peers):
    """Peers that end with the test, also when ctest has had enough of it."""

    def start(self, name, *command, **options):
        options.setdefault("preexec_fn", firefox_page.die_with_parent)
        return super().start(name, *command, **options)


def read_line(child, seconds=20):
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    return child.stdout.readline().decode() if ready else ""


class Stage:
    """Everything, started. close() ends it."""

    def __init__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="echproxy-browser-"))
        self.home = self.directory / "home"
        self.home.mkdir()
        self.peers = MortalPeers(self.directory, os.environ["ECHPROXY"])
        self.pages = Pages()
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self):
        peers = self.peers
        peers.make_certificates(SITE, PUBLIC_NAME, PLAIN, RESOLVER)
        ech = peers.path("ech.pem")
        # Its port is that of a tap, which is not there before the server is,
        # which wants the key.
        line = run(peers.echproxy, "keygen", PUBLIC_NAME, "--out", ech, "--name", SITE)
        self.site_tap = self.start_site(
            SITE, "--public", PUBLIC_NAME, *self.identity(PUBLIC_NAME), "--ech", ech
        )
        self.plain_tap = self.start_site(PLAIN)
        self.start_resolver(
            f"_{self.site_tap.port}._https.{SITE}. 300 IN HTTPS 1 {SITE}. "
            + line.split()[-1]
        )
        self.start_proxy()

    def environment(self):
        return {
            **environment(self.home),
            "ECHPROXY_SYSTEM_ROOT": str(self.directory / "system"),
            "PATH": f"{os.path.dirname(self.peers.echproxy)}:{os.environ['PATH']}",
        }

    def identity(self, name):
        return self.peers.path(name + ".pem"), self.peers.path(name + ".key")

    def start_site(self, name, *options):
        child = self.peers.start(
            name, os.environ["ECH_ORIGIN"], "--site", *self.identity(name),
            "--backend", self.pages.port, "--h1", *options, stdout=subprocess.PIPE,
        )
        line = read_line(child)
        if not line.startswith("listening on "):
            raise Trouble(f"the site did not start: {self.peers.log_of(name)}")
        # What it says of each handshake is for nobody here.
        threading.Thread(target=child.stdout.read, daemon=True).start()
        return Tap(int(line.rsplit(":", 1)[1]))

    def start_resolver(self, record):
        unbound = shutil.copy(find("unbound"), self.directory)
        lines = [f"{name}. 300 IN A 127.0.0.1" for name in (SITE, PLAIN, HOSTILE)]
        data = "\n  ".join(f"local-data: '{line}'" for line in [*lines, record])

        def command(port):
            config = self.peers.path("unbound.conf")
            pem, key = self.identity(RESOLVER)
            config.write_text(
                UNBOUND_CONF.format(port=port, key=key, pem=pem, data=data)
            )
            return unbound, "-d", "-p", "-c", config

        self.resolver_port = self.peers.start_listening("unbound", command)

    def start_proxy(self):
        self.config = self.home / ".config" / "echproxy" / "echproxy.conf"
        self.config.parent.mkdir(parents=True)
        self.config.write_text(
            PROXY_CONF.format(ca=self.peers.path("ca.pem"), port=self.resolver_port)
        )
        self.proxy = self.peers.start(
            "echproxy", self.peers.echproxy, "run", env=self.environment(),
            stdout=subprocess.PIPE,
        )
        line = read_line(self.proxy)
        if not line.startswith("listening on "):
            raise Trouble(f"echproxy did not start: {self.peers.log_of('echproxy')}")
        self.address = line.split()[2]
        running = self.home / ".local/state/echproxy/running" / self.address
        self.token = running.read_text().strip()

    @property
    def setup_url(self):
        return f"http://{self.address}/setup"

    @property
    def page_url(self):
        return f"http://{self.address}/#{self.token}"

    @property
    def site_url(self):
        return f"https://{SITE}:{self.site_tap.port}/"

    @property
    def plain_url(self):
        return f"https://{PLAIN}:{self.plain_tap.port}/"

    @property
    def roots(self):
        """The CA that the sites' own certificates are of."""
        return self.peers.path("ca.pem")

    @property
    def proxy_ca(self):
        return self.home / ".local/state/echproxy/ca.pem"

    def command(self, *words):
        """Runs a command as the user would type it, and returns its output."""
        return run(*words, env=self.environment())

    def curl(self, url, *options, ca=None):
        """Fetches `url` through the proxy as a program that trusts `ca`."""
        return run(
            "curl", "--disable", "--silent", "--show-error", "--max-time", "20",
            "--noproxy", "", "--proxy", f"http://{self.address}",
            "--cacert", ca or self.proxy_ca, *options, url,
        )

    def api(self, path):
        request = urllib.request.Request(f"http://{self.address}{path}")
        request.add_header("Authorization", f"Bearer {self.token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as answer:
            return json.load(answer)

    def connect(self, target):
        """Asks the proxy for a tunnel and returns the status of its answer."""
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=20) as client:
            client.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
            answer = client.recv(4096)
        return int(answer.split()[1]) if answer else 0

    def pss_kib(self):
        text = Path(f"/proc/{self.proxy.pid}/smaps_rollup").read_text()
        lines = [line.split() for line in text.splitlines()]
        return next(int(words[1]) for words in lines if words[0] == "Pss:")

    def close(self):
        self.peers.stop()
        for child in self.peers.children:
            if child.stdout:
                child.stdout.close()
        self.pages.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def axe_source():
    """axe-core's script, out of the package that fetch_axe.py has fetched."""
    wheels = list(Path(os.environ["AXE"]).glob("axe_playwright_python-*.whl"))
    with zipfile.ZipFile(wheels[0]) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith("/axe.min.js"))
        return wheel.read(name).decode()


def hellos(tap):
    """The ClientHellos that went through, each with its header."""
    found = []
    for recording in tap.recordings:
        kind, body = next(wire.clear_messages(recording.up), (None, b""))
        if kind == wire.CLIENT_HELLO:
            found.append(b"\1" + len(body).to_bytes(3, "big") + body)
    return found
