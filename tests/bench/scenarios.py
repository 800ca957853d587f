"""What is measured: each scenario is a class of load with the peers that can
bear it, and gives figures for one peer in one round."""

from dataclasses import dataclass, field

import growth
import holding
import speed

INTERCEPTING = (
    "echproxy", "floor", "floor-trusting", "floor-ech", "squid-pool", "squid-peek",
    "mitmproxy", "privoxy", "haproxy", "nginx",
)  # fmt: skip
# What verifies nothing or offers no ECH differs from the floor while a
# connection is made, not afterwards.
RELAYING = tuple(
    key for key in INTERCEPTING if key not in ("floor-trusting", "floor-ech")
)
RESUMING = tuple(key for key in INTERCEPTING if key != "floor-trusting")
BLIND = ("echproxy-blind", "floor-blind", "tinyproxy", "haproxy-blind")


@dataclass(frozen=True)
class Scenario:
    """`measure(bench, key, peer)` returns figures. `columns` are figure and
    heading, for the report; the figures named in `ratios` are also given as
    multiples of the floor's. `step_seconds` is how long one peer's turn takes
    when each measurement takes one second, and `extra` what it takes besides."""

    key: str
    title: str
    peers: tuple
    measure: object = field(repr=False)
    columns: tuple
    ratios: tuple = ()
    floor: str = "floor"
    direct: str | None = None  # figures are also given as more than this peer's
    needs: tuple = ()  # other peers that must run too
    rounds: int = 3
    quick_rounds: int = 1
    measurements: int = 1
    extra: float = 0.4
    note: str = ""
    fresh: bool = False  # starts its own processes
    full_only: bool = False
    # The figures are FIGURE_STEP: the report has a row for each step.
    steps: tuple = ()
    step_heading: str = ""

    def num_rounds(self, quick):
        return self.quick_rounds if quick else self.rounds

    def seconds(self, bench, peer):
        if self.fresh:
            return bench.held_seconds(self.key, peer)
        return self.measurements * (bench.target_seconds + self.extra)


CPU = (("cpu_us", "CPU µs"),)
CPU_PER_GIB = (("cpu_s_per_gib", "CPU s/GiB"), ("mb_per_s", "MB/s"))
LATENCY = (
    ("p50_us", "p50 µs"),
    ("p99_us", "p99 µs"),
    ("p999_us", "p99.9 µs"),
    ("max_us", "max µs"),
)
RATES = tuple(
    (f"per_s_{concurrency}", f"at {concurrency}") for concurrency in speed.CONCURRENCIES
)


def transfers(prefix, peers, floor, origin, pinned=True, names=None):
    for name in names or ("download-1", "download-4", "upload-1", "upload-4"):
        mode, parallel = name.split("-")
        suffix = "" if pinned else "-unpinned"
        words = {"1": "one connection", "4": "four connections"}[parallel]
        where = "" if pinned else ", unpinned"
        yield Scenario(
            f"{prefix}{name}{suffix}",
            f"{mode.capitalize()}, {words}{' blind' if prefix else ''}{where}",
            peers,
            speed.Transfer(mode, int(parallel), origin, pinned),
            CPU_PER_GIB,
            ("cpu_s_per_gib",),
            floor,
        )


def idle():
    for count in holding.COUNTS:
        yield Scenario(
            f"idle-{count}", f"Memory per idle tunnel, {count:,} of them",
            (*RELAYING, *BLIND), holding.Idle(count), (("kib", "KiB"),),
            rounds=1, fresh=True, full_only=count != holding.COUNTS[0],
            note="Growth of the PSS of a fresh process, all its children "
            "included, divided by the tunnels. The kernel's part is not in it.",
        )  # fmt: skip


SCENARIOS = (
    Scenario(
        "connect", "A new connection, both handshakes full", INTERCEPTING,
        speed.Connect("full"), CPU, ("cpu_us",), quick_rounds=2,
        note="CPU of the proxy per connection with one small answer; ten sites, "
        "each seen before; eight connections at a time.",
    ),
    Scenario(
        "connect-unpinned", "The same, unpinned", INTERCEPTING,
        speed.Connect("full", pinned=False), CPU, ("cpu_us",), full_only=True,
    ),
    Scenario(
        "resumed", "A new connection, the origin's side resumed", RESUMING,
        speed.Connect("tickets"), CPU, ("cpu_us",), quick_rounds=2,
        note="The floor offers its last ticket again and again. The browser's "
        "side is full.",
    ),
    Scenario(
        "rate", "New connections per second", INTERCEPTING, speed.Rate(), RATES,
        tuple(figure for figure, _ in RATES), measurements=3,
        note="By how many are open at a time. The load and the origin share "
        "the other cores and may be what bounds the fast ones.",
    ),
    Scenario(
        "rate-unpinned", "The same at 64, unpinned", INTERCEPTING,
        speed.Rate((64,), pinned=False), RATES[-1:], ("per_s_64",), full_only=True,
    ),
    Scenario(
        "first-byte", "First byte of a new fetch",
        (*INTERCEPTING, "direct", "direct-clear"),
        speed.FirstByte(), LATENCY, ("p50_us",), direct="direct",
        note="One at a time, from the TCP connection to the answer's first "
        "byte; DNS is warm, both handshakes are full.",
    ),
    Scenario(
        "request", "A kept-alive request of 1 KiB", (*RELAYING, "direct"),
        speed.Request(), LATENCY, ("p50_us", "p99_us"), direct="direct",
        quick_rounds=2,
    ),
    Scenario(
        "request-unpinned", "The same, unpinned", (*RELAYING, "direct"),
        speed.Request(pinned=False), LATENCY, ("p50_us", "p99_us"), direct="direct",
        full_only=True,
    ),
    *transfers("", RELAYING, "floor", "tickets"),
    *(
        Scenario(**{**vars(one), "full_only": True})
        for one in transfers("", RELAYING, "floor", "tickets", False, ("download-1",))
    ),
    Scenario(
        "blind-connect", "A new blind tunnel", BLIND, speed.Connect("plain"), CPU,
        ("cpu_us",), "floor-blind",
        note="A tunnel for a site without ECH: its bytes pass through. Here "
        "they are not TLS, which spares the load its own work.",
    ),
    Scenario(
        "blind-request", "A kept-alive request of 1 KiB, blind",
        (*BLIND, "direct-plain"), speed.Request("plain"), LATENCY,
        ("p50_us", "p99_us"), "floor-blind", direct="direct-plain",
    ),
    *transfers("blind-", BLIND, "floor-blind", "plain"),
    *idle(),
    Scenario(
        "sites", "Growth with the number of sites",
        ("echproxy", "floor", "squid-peek", "mitmproxy", "privoxy"), growth.Sites(),
        growth.FIGURES, rounds=1, fresh=True, steps=growth.COUNTS,
        step_heading="sites",
        note="A fresh process visits so many names once and then again. "
        "A lookup is a CONNECT alone, before the first visit; the first visit "
        "is a full handshake, later ones may resume.",
    ),
    Scenario(
        "first-visit", "A first visit to a host", ("echproxy",), growth.FirstVisit(),
        growth.VISIT_FIGURES, fresh=True,
        note="A fresh process asks for tunnels to a thousand hosts, which looks "
        "their names up, then connects to each, and then once more: all "
        "handshakes are full, and all hosts show one chain. The other figures "
        "are of `bench_leaf`: minting a leaf, and a hit of the cache, which is "
        "finding a leaf and BoringSSL's work to present it.",
    ),
    Scenario(
        "workers", "Two workers against one", ("echproxy", "echproxy-2"),
        speed.Workers(),
        (
            ("cpu_us", "CPU µs"),
            ("busiest_us", "busiest thread, µs"),
            ("per_s", "connections/s"),
            ("scaling", "scaling by CPU"),
        ),
        extra=1.5, needs=("echproxy",),
        note="Unpinned, 32 at a time. The load takes its part of the same "
        "cores, so 'scaling' is counted in CPU: what one worker's thread "
        "needs for a connection, by what the busier of two needs.",
    ),
    Scenario(
        "soak", "5,000 tunnels held, 10,000 a minute opened and closed",
        ("echproxy",), holding.Soak(),
        (
            ("errors", "errors"),
            ("opened", "opened"),
            ("growth_percent", "growth of PSS %"),
            ("pss_mib", "PSS MiB"),
            ("p99_us", "first byte p99 µs"),
            ("max_us", "max µs"),
        ),
        rounds=1, fresh=True, full_only=True,
        note="Growth: the median of the last minute against that of the second; "
        "in the first the coming and going sets in.",
    ),
)  # fmt: skip
