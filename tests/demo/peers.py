"""The programs that the demo stands on, each a child process that is ended by
its own id: an ECH server (BoringSSL's), a resolver (unbound), and echproxy."""

import base64
import re
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path


class Trouble(Exception):
    """Something did not work; its text says what, for a person."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def find(program):
    """Returns the path of a program, also of one that only root's PATH has."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise Trouble(f"{program} is not installed")
    return path


def run(*command, **options):
    """Runs a command to its end and returns its output."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=20,
        **options,
    )
    if done.returncode != 0:
        raise Trouble(f"{command[0]} failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


class Peers:
    """Everything that was started, and the directory that it keeps its files
    in."""

    def __init__(self, directory, echproxy):
        self.directory = Path(directory)
        self.echproxy = echproxy
        self.children = []

    def path(self, name):
        return self.directory / name

    def log_of(self, name):
        return self.path(name + ".log").read_text(errors="replace").strip()

    def start(self, name, *command, **options):
        with open(self.path(name + ".log"), "wb") as log:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=options.pop("stdout", log),
                stderr=log,
                cwd=self.directory,
                start_new_session=True,  # Ctrl-C is for the demo, which ends us
                **options,
            )
        self.children.append(child)
        return child

    def stop(self):
        for child in reversed(self.children):
            child.terminate()
        for child in self.children:
            try:
                child.wait(timeout=3)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def start_listening(self, name, make_command):
        """Starts a program that cannot choose a free port itself: another one
        may take the port in between, so it has three tries."""
        for _ in range(3):
            port = free_port()
            child = self.start(name, *make_command(port))
            if answers(child, port):
                return port
        raise Trouble(f"{name} did not start:\n{self.log_of(name)}")

    def make_certificates(self, *names):
        """Makes a CA of the demo's own, and one key and certificate for each of
        `names`: NAME.pem holds both."""
        new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        ca = ("-CA", self.path("ca.pem"), "-CAkey", self.path("ca.key"))
        run(
            "openssl", "req", "-x509", *new_key, "-days", "2",
            "-subj", "/CN=The demo's own CA",
            "-addext", "keyUsage=critical,keyCertSign",
            "-keyout", self.path("ca.key"), "-out", self.path("ca.pem"),
        )
        for name in names:
            pem, key = self.path(name + ".pem"), self.path(name + ".key")
            kind = "IP" if name[0].isdigit() else "DNS"
            run(
                "openssl", "req", "-x509", *ca, *new_key, "-days", "2",
                "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", f"subjectAltName={kind}:{name}",
                "-keyout", key, "-out", pem,
            )

    def certificate_der(self, name):
        pem = self.path(name + ".pem").read_text()
        return base64.b64decode(between(pem, "CERTIFICATE"))

    def keygen(self, public_name, site, port):
        """Makes the server's ECH key with echproxy and returns the line for the
        site's zone."""
        pem = self.path("ech.pem")
        zone_line = run(
            self.echproxy, "keygen", public_name,
            "--out", pem, "--name", site, "--port", port,
        ).strip().splitlines()[-1]
        text = pem.read_text()
        # bssl-tool wants the bare key and the bare ECHConfig: the last 32
        # octets of the PKCS#8 (RFC 8410, section 7), and the one entry of the
        # ECHConfigList, behind its two octets of length.
        private_key = base64.b64decode(between(text, "PRIVATE KEY"))[-32:]
        config = base64.b64decode(between(text, "ECHCONFIG"))[2:]
        self.path("ech.key").write_bytes(private_key)
        self.path("ech.config").write_bytes(config)
        return zone_line

    def start_server(self, name, port):
        """Starts the ECH server for `name`. Its page says how it was reached.
        bssl-tool can only listen on all interfaces."""
        child = self.start(
            "bssl-tool", "bssl-tool", "server", "-accept", port, "-www", "-loop",
            "-cert", self.path(name + ".pem"), "-key", self.path(name + ".key"),
            "-ech-key", self.path("ech.key"),
            "-ech-config", self.path("ech.config"),
        )
        if not answers(child, port):
            raise Trouble(f"bssl-tool did not start:\n{self.log_of('bssl-tool')}")

    def start_resolver(self, name, site, zone_line):
        """Starts unbound as the DoH server `name` and returns its port. It is
        run from a copy, because Debian's AppArmor profile keeps the one in
        /usr/sbin from reading our files."""
        unbound = shutil.copy(find("unbound"), self.directory)

        def command(port):
            config = self.path("unbound.conf")
            config.write_text(UNBOUND_CONF.format(
                port=port, key=self.path(name + ".key"),
                pem=self.path(name + ".pem"), site=site, zone_line=zone_line,
            ))
            return unbound, "-d", "-p", "-c", config

        return self.start_listening("unbound", command)

    def start_proxy(self, *options):
        """Starts echproxy and returns the address that it listens on."""
        child = self.start(
            "echproxy", self.echproxy, "run", "--listen", "127.0.0.1:0", "-v",
            *options, stdout=subprocess.PIPE,
        )
        ready, _, _ = select.select([child.stdout], [], [], 10)
        line = child.stdout.readline().decode() if ready else ""
        found = re.match(r"listening on (\S+)", line)
        if not found:
            raise Trouble(f"echproxy did not start:\n{self.log_of('echproxy')}")
        return found[1]


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
  local-zone: "{site}." static
  local-data: '{site}. 300 IN A 127.0.0.1'
  local-data: '{zone_line}'
remote-control:
  control-enable: no
"""


def between(pem, label):
    return re.search(f"-----BEGIN {label}-----(.*?)-----END", pem, re.S)[1]


def answers(child, port, seconds=5):
    """Waits until somebody listens on `port`; False when `child` has ended."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False
