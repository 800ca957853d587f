"""What echproxy must reach, as data. A figure is (scenario, peer, figure); what
is measured is one figure, or the ratio or the difference of two of one run."""

from dataclasses import dataclass

from measuring import ratio


@dataclass(frozen=True)
class Target:
    text: str
    kind: str  # "value", "ratio" or "difference"
    figure: tuple
    reference: tuple | None
    sense: str  # "at most" or "at least"
    limit: dict  # by BoringSSL
    unit: str = "×"
    # The limit is this many of that figure, and `limit` is times it.
    scale: tuple | None = None


def both(limit):
    return {"debian": limit, "upstream": limit}


CONNECT = ("connect", "echproxy", "cpu_us")
# The floor, and what ECH adds to its client's handshake.
FLOOR_CONNECT = ("connect", "floor-ech", "cpu_us")


def transfer_targets():
    for name in ("download-1", "download-4", "upload-1", "upload-4"):
        ours = (name, "echproxy", "cpu_s_per_gib")
        yield Target(
            f"CPU per GiB, {name}, against the floor", "ratio", ours,
            (name, "floor", "cpu_s_per_gib"), "at most", both(1.05),
        )  # fmt: skip
    for name in ("download-1", "upload-1"):
        yield Target(
            f"CPU per GiB, {name}, squid against echproxy", "ratio",
            (name, "squid-pool", "cpu_s_per_gib"), (name, "echproxy", "cpu_s_per_gib"),
            "at least", {"debian": 2.7, "upstream": 3.3},
        )  # fmt: skip
        yield Target(
            f"CPU per GiB, {name}, mitmproxy against echproxy", "ratio",
            (name, "mitmproxy", "cpu_s_per_gib"), (name, "echproxy", "cpu_s_per_gib"),
            "at least", {"debian": 4.0, "upstream": 5.0},
        )  # fmt: skip
    for name in ("blind-download-1", "blind-upload-1"):
        yield Target(
            f"CPU per GiB, {name}, against haproxy", "ratio",
            (name, "echproxy-blind", "cpu_s_per_gib"),
            (name, "haproxy-blind", "cpu_s_per_gib"), "at most", both(1.0),
        )  # fmt: skip


def idle_targets():
    for count in (1000, 5000):
        yield Target(
            f"Memory per idle intercepted tunnel, {count:,} of them", "value",
            (f"idle-{count}", "echproxy", "kib"), None, "at most", both(18), "KiB",
        )  # fmt: skip
        yield Target(
            f"Memory per idle blind tunnel, {count:,} of them", "value",
            (f"idle-{count}", "echproxy-blind", "kib"), None, "at most",
            both(4), "KiB",
        )  # fmt: skip


TARGETS = (
    *transfer_targets(),
    Target(
        "CPU per new connection with ECH, both handshakes full, against the floor "
        "with ECH", "ratio", CONNECT, FLOOR_CONNECT, "at most", both(1.15),
    ),
    Target(
        "CPU per new connection with ECH, the origin's side resumed, against the "
        "floor with ECH and both handshakes full", "ratio",
        ("resumed", "echproxy", "cpu_us"), FLOOR_CONNECT, "at most", both(0.6),
    ),
    Target(
        "CPU per new connection, squid in peek mode against echproxy", "ratio",
        ("connect", "squid-peek", "cpu_us"), CONNECT, "at least",
        {"debian": 4.0, "upstream": 6.0},
    ),
    Target(
        "CPU per new connection, mitmproxy against echproxy", "ratio",
        ("connect", "mitmproxy", "cpu_us"), CONNECT, "at least",
        {"debian": 7.0, "upstream": 10.0},
    ),
    Target(
        "CPU of a first visit to a host, over one to a host seen before, against "
        "a mint", "difference", ("first-visit", "echproxy", "first_us"),
        ("first-visit", "echproxy", "seen_us"), "at most", both(1.0), "µs",
        scale=("first-visit", "echproxy", "mint_us"),
    ),
    Target(
        "Minting a leaf", "value", ("first-visit", "echproxy", "mint_us"), None,
        "at most", both(150), "µs",
    ),
    Target(
        "A leaf that is kept, presented to a browser's session", "value",
        ("first-visit", "echproxy", "hit_us"), None, "at most", both(1.0), "µs",
    ),
    Target(
        "The same without BoringSSL's part", "value",
        ("first-visit", "echproxy", "find_us"), None, "at most", both(1.0), "µs",
    ),
    Target(
        "A kept-alive 1 KiB request, p50, against the floor", "ratio",
        ("request", "echproxy", "p50_us"), ("request", "floor", "p50_us"),
        "at most", both(1.05),
    ),
    Target(
        "A kept-alive 1 KiB request, p99, against the floor", "ratio",
        ("request", "echproxy", "p99_us"), ("request", "floor", "p99_us"),
        "at most", both(1.2),
    ),
    Target(
        "First byte of a new fetch, p50, over a direct ECH connection",
        "difference", ("first-byte", "echproxy", "p50_us"),
        ("first-byte", "direct", "p50_us"), "at most", both(1000), "µs",
    ),
    Target(
        "The slowest first byte: no 40 ms stall", "value",
        ("first-byte", "echproxy", "max_us"), None, "at most", both(38_000), "µs",
    ),
    Target(
        "The slowest request: no 40 ms stall", "value",
        ("request", "echproxy", "max_us"), None, "at most", both(38_000), "µs",
    ),
    Target(
        "Connections per second of two workers, by CPU, against one", "value",
        ("workers", "echproxy-2", "scaling"), None, "at least", both(1.8),
    ),
    *idle_targets(),
    Target(
        "Errors while 5,000 idle tunnels are held and 10,000 a minute come and go",
        "value", ("soak", "echproxy", "errors"), None, "at most", both(0), "",
    ),
    Target(
        "Growth of memory meanwhile, last minute against second", "value",
        ("soak", "echproxy", "growth_percent"), None, "at most", both(2), "%",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    target: Target
    measured: float | None
    limit: float | None
    met: bool | None  # None: not measured in this run

    @property
    def word(self):
        return {True: "pass", False: "MISS", None: "not measured"}[self.met]


def judge(target, results, boringssl):
    limit = target.limit[boringssl]
    if target.scale:
        scale = results.value(*target.scale)
        limit = None if scale is None else limit * scale
    measured = measure(target, results)
    if measured is None or limit is None:
        return Verdict(target, measured, limit, None)
    met = measured <= limit if target.sense == "at most" else measured >= limit
    return Verdict(target, measured, limit, met)


def measure(target, results):
    value = results.value(*target.figure)
    if target.kind == "value" or value is None:
        return value
    reference = results.value(*target.reference)
    if target.kind == "ratio":
        return ratio(value, reference)
    return None if reference is None else value - reference


def judge_all(results, boringssl):
    return [judge(target, results, boringssl) for target in TARGETS]
