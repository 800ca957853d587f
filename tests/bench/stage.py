"""What every measurement stands on: keys, origins, the resolver, and the pool of
peers that have been started."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import peers
import resolver
from certificates import Certificates
from processes import Child, Trouble, listening_port, pin, run, stop_all


@dataclass
class Origin:
    port: int
    tickets: bool
    plain: bool
    child: Child


# `full` gives no tickets, so that every handshake with it is a full one.
ORIGINS = {
    "full": ("--no-tickets",),
    "tickets": (),
    "plain": ("--plain",),
}


class Children:
    """Programs that are not measured themselves."""

    def __init__(self, directory):
        self.directory = directory
        self.all = []

    def start(self, name, *command, cpus=None, output=None):
        child = Child(name, command, self.directory, cpus, output=output)
        self.all.append(child)
        return child


class Stage:
    """Set up once for a run. close() ends every program and removes every file;
    nothing may keep it from running."""

    def __init__(self, build, groups=None):
        self.build = Path(build)
        # For the programs of the bench; None leaves it to BoringSSL.
        self.groups = ("--groups", groups) if groups else ()
        self.echproxy = self.build / "echproxy"
        cores = sorted(os.sched_getaffinity(0))
        self.all_cpus = set(cores)
        # One core for the proxy, the others for who asks and who answers.
        self.proxy_cpus = {cores[0]}
        self.other_cpus = set(cores[1:]) or {cores[0]}
        self.directory = Path(tempfile.mkdtemp(prefix="echproxy-bench-"))
        # squid, started by root, goes on as a user who must get in.
        self.directory.chmod(0o755)
        self.children = Children(self.directory)
        self.running = {}
        self.num_started = 0
        self.origins = {}
        self.num_loads = 0

    def set_up(self):
        self.certificates = Certificates(self.directory)
        pem, config = self.certificates.make_ech(self.echproxy)
        self.ech_config = pem
        for name, options in ORIGINS.items():
            self.origins[name] = self.start_origin(name, options)
        self.hosts = resolver.write_hosts(self.directory / "hosts")
        ports = [one.port for one in self.origins.values() if not one.plain]
        self.resolver_port = resolver.start_resolver(
            self.children, self.certificates, ports, config, self.other_cpus
        )
        self.has_workers = "--workers" in run(self.echproxy, "run", "--help")

    def tool(self, name):
        found = sorted(self.build.glob(f"**/{name}"))
        if not found:
            raise Trouble(f"{name} was not built in {self.build}")
        return found[0]

    def start_origin(self, name, options):
        child = self.children.start(
            f"origin-{name}",
            self.tool("bench_origin"), "--listen", "127.0.0.1:0",
            "--cert", self.certificates.chain, "--key", self.certificates.leaf,
            "--ech-key", self.ech_config, *self.groups, *options,
            cpus=self.other_cpus, output=subprocess.PIPE,
        )  # fmt: skip
        return Origin(
            listening_port(child), name == "tickets", name == "plain", child
        )

    def worker_options(self, peer):
        if peer.options:
            if not self.has_workers:
                raise Trouble("this echproxy has no option --workers")
            return peer.options
        return ("--workers", "1") if self.has_workers else ()

    def get(self, key, origin):
        """Returns the peer, which is started unless it runs already."""
        peer = peers.PEERS[key]
        kept = (key, origin) if peer.per_origin else key
        if kept not in self.running:
            self.running[kept] = self.start_fresh(key, origin)
        return self.running[kept]

    def last_words_of_dead(self, key):
        """What a pooled peer wrote last, or None when it lives."""
        for kept, running in self.running.items():
            if key in (kept, kept[0]) and running.child and not running.child.alive():
                return running.child.last_words()
        return None

    def start_fresh(self, key, origin):
        """Starts a peer that the caller stops."""
        peer = peers.PEERS[key]
        self.num_started += 1
        directory = self.directory / f"{key}-{self.num_started}"
        directory.mkdir()
        if peer.per_origin:
            origins = [origin]
        else:
            origins = [
                name for name, one in self.origins.items() if one.plain == peer.blind
            ]
        return peer.start(self, peer, directory, origins, self.proxy_cpus)

    def drop(self, key):
        """Ends the peer, in all its processes."""
        for kept in [k for k in self.running if k == key or k[0] == key]:
            running = self.running.pop(kept)
            if running.child:
                running.child.stop()

    def place(self, running, origin, pinned):
        """Binds the peer to its core, or lets it and its company run anywhere.
        Without a peer the origin has its core: so bytes go from one to the
        other all the same."""
        proxy_cpus = self.proxy_cpus if pinned else self.all_cpus
        other_cpus = self.other_cpus if pinned else self.all_cpus
        for child in self.children.all:
            pin(child.pids(), other_cpus)
        at_the_core = running.child or self.origins[origin].child
        pin(at_the_core.pids(), proxy_cpus)

    def close(self):
        stop_all()
        shutil.rmtree(self.directory, ignore_errors=True)
