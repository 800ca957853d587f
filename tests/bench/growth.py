"""How a connection's cost and the memory grow with the number of sites."""

import json
import socket

from holding import Fresh
from processes import run, settled_cpu_ns

COUNTS = (1, 10, 100, 1000, 10_000)
FIGURES = (
    ("lookup_us", "lookup, CPU µs"),
    ("first_us", "first connection, CPU µs"),
    ("again_us", "later ones, CPU µs"),
    ("pss_mib", "PSS MiB"),
)
VISIT_FIGURES = (
    ("lookup_us", "lookup, CPU µs"),
    ("first_us", "first connection, CPU µs"),
    ("seen_us", "later ones, CPU µs"),
    ("mint_us", "minting a leaf, µs"),
    ("hit_us", "one that is kept, µs"),
    ("find_us", "finding it, µs"),
    ("present_us", "presenting it, µs"),
)
# Those that mint with RSA, or in Python, would take all the time.
MOST = {"squid-peek": 1000, "mitmproxy": 1000, "privoxy": 100}
QUICK_MOST = {"echproxy": 1000, "floor": 1000}


def counts(key, quick):
    most = QUICK_MOST.get(key, 10) if quick else MOST.get(key, COUNTS[-1])
    return [count for count in COUNTS if count <= most]


class Sites:
    def __call__(self, bench, key):
        figures = {}
        for count in counts(key, bench.quick):
            with Fresh(bench, key) as fresh:
                least = 100 if bench.quick else 200
                for name, value in self.visit(fresh, key, count, least).items():
                    figures[f"{name}_{count}"] = value
        return figures

    def visit(self, fresh, key, count, least_again):
        child = fresh.running.child
        figures = {}
        at = [settled_cpu_ns(child)]
        if key == "echproxy":
            ask_for_tunnels(fresh, count)
            at.append(settled_cpu_ns(child))
            figures["lookup_us"] = (at[-1] - at[-2]) / 1e3 / count
        connect(fresh, count, count)
        at.append(settled_cpu_ns(child))
        figures["first_us"] = (at[-1] - at[-2]) / 1e3 / count
        num_again = max(least_again, min(2000, count))
        connect(fresh, count, num_again)
        at.append(settled_cpu_ns(child))
        figures["again_us"] = (at[-1] - at[-2]) / 1e3 / num_again
        figures["pss_mib"] = fresh.pss_kib() / 1024
        return figures


class FirstVisit:
    """What a host costs that was never visited, of a site whose chain is known:
    all handshakes are full."""

    def __call__(self, bench, key):
        count = 300 if bench.quick else 1000
        with Fresh(bench, key, "full") as fresh:
            at = [settled_cpu_ns(fresh.running.child)]
            ask_for_tunnels(fresh, count)
            at.append(settled_cpu_ns(fresh.running.child))
            for _ in range(2):
                connect(fresh, count, count)
                at.append(settled_cpu_ns(fresh.running.child))
        spent = [(after - before) / 1e3 / count for before, after in zip(at, at[1:])]
        names = ("lookup_us", "first_us", "seen_us")
        return {**dict(zip(names, spent)), **leaf_figures(bench.stage)}


def leaf_figures(stage):
    """What bench_leaf says of leaves, on the core that the proxy has else."""
    state = stage.directory / "leaves"
    command = (stage.tool("bench_leaf"), "--state-dir", state)
    seen = json.loads(run("taskset", "--cpu-list", min(stage.proxy_cpus), *command))
    return {name: seen[name] for name, _ in VISIT_FIGURES if name in seen}


def connect(fresh, num_names, count):
    fresh.load("connect", "--names", num_names, "--count", count, "--concurrency", 8)


def ask_for_tunnels(fresh, count):
    """Asks for a tunnel to each site and hangs up: the names are looked up, and
    nothing else is done."""
    address = ("127.0.0.1", fresh.running.ports[fresh.origin])
    port = fresh.stage.origins[fresh.origin].port
    for number in range(count):
        name = f"site-{number}.bench.test:{port}"
        with socket.create_connection(address, 10) as tunnel:
            tunnel.sendall(f"CONNECT {name} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            tunnel.recv(4096)
