"""Scenarios with a stream of work: connections, requests, transfers. A first
turn warms the peer up and tells how much work fills the time."""

from load import run_load, sites
from peers import PEERS
from processes import settled_cpu_ns, thread_cpu_ns

CONCURRENCIES = (1, 16, 64)
NUM_SITES = 10
MIB = 1 << 20
GIB = 1 << 30
# squid breaks uploads off that are larger than half a GiB.
MOST_BYTES = 448 * MIB


def clamp(value, low, high):
    return int(max(low, min(high, value)))


class Work:
    """What the scenarios here have in common: a peer in its place, the CPU that
    it used while a load ran, and how much load there is to be."""

    def __init__(self, origin, pinned=True):
        self.origin = origin
        self.pinned = pinned
        self.amounts = {}

    def begin(self, bench, key):
        running = bench.stage.get(key, self.origin)
        bench.stage.place(running, self.origin, self.pinned)
        return running

    def run(self, bench, running, key, mode, *options):
        stage = bench.stage
        where = sites(running, PEERS[key], stage, self.origin, NUM_SITES)
        cpus = stage.other_cpus if self.pinned else stage.all_cpus
        return run_load(stage, mode, (*where, *options), cpus)

    def measure(self, bench, running, key, mode, *options):
        """Returns what the load saw and the peer's CPU nanoseconds."""
        before = settled_cpu_ns(running.child) if running.child else 0
        seen = self.run(bench, running, key, mode, *options)
        after = settled_cpu_ns(running.child) if running.child else 0
        return seen, after - before


class Connect(Work):
    concurrency = 8

    def amount(self, bench, running, key, concurrency):
        """How many connections fill the time."""
        known = (key, concurrency)
        if known not in self.amounts:
            options = ("--concurrency", concurrency, "--count")
            if not any(peer == key for peer, _ in self.amounts):
                self.run(bench, running, key, "connect", *options, 4 * NUM_SITES)
            seen = self.run(bench, running, key, "connect", *options, 40)
            per_second = 40 / seen["seconds"]
            self.amounts[known] = clamp(per_second * bench.target_seconds, 40, 8000)
        return self.amounts[known]

    def connect(self, bench, key, concurrency):
        running = self.begin(bench, key)
        count = self.amount(bench, running, key, concurrency)
        options = ("--concurrency", concurrency, "--count", count)
        seen, cpu_ns = self.measure(bench, running, key, "connect", *options)
        return running, seen, cpu_ns / 1e3 / count

    def __call__(self, bench, key):
        _, seen, cpu_us = self.connect(bench, key, self.concurrency)
        return {"cpu_us": cpu_us, "per_s": seen["per_second"]}


class Rate(Connect):
    def __init__(self, concurrencies=CONCURRENCIES, pinned=True):
        super().__init__("full", pinned)
        self.concurrencies = concurrencies

    def __call__(self, bench, key):
        rates = {}
        for concurrency in self.concurrencies:
            _, seen, _ = self.connect(bench, key, concurrency)
            rates[f"per_s_{concurrency}"] = seen["per_second"]
        return rates


class FirstByte(Connect):
    def __init__(self):
        super().__init__("full")

    def __call__(self, bench, key):
        _, seen, _ = self.connect(bench, key, 1)
        return quantiles(seen["ttfb_us"])


class Request(Work):
    def __init__(self, origin="tickets", pinned=True):
        super().__init__(origin, pinned)

    def __call__(self, bench, key):
        running = self.begin(bench, key)
        if key not in self.amounts:
            seen = self.run(bench, running, key, "request", "--count", 200)
            per_second = 200 / seen["seconds"]
            self.amounts[key] = clamp(per_second * bench.target_seconds, 200, 30_000)
        count = self.amounts[key]
        seen, cpu_ns = self.measure(bench, running, key, "request", "--count", count)
        return {**quantiles(seen["latency_us"]), "cpu_us": cpu_ns / 1e3 / count}


class Transfer(Work):
    def __init__(self, mode, parallel, origin, pinned=True):
        super().__init__(origin, pinned)
        self.mode = mode
        self.parallel = parallel

    def __call__(self, bench, key):
        running = self.begin(bench, key)
        if key not in self.amounts:
            seen = self.transfer(bench, running, key, 16 * MIB)[0]
            per_second = 16 * MIB / seen["seconds"]
            # Enough that the handshakes before it do not show.
            low, high = 64 * MIB // self.parallel, MOST_BYTES // self.parallel
            self.amounts[key] = clamp(
                per_second * bench.target_seconds / self.parallel, low, high
            )
        seen, cpu_ns = self.transfer(bench, running, key, self.amounts[key])
        return {
            "cpu_s_per_gib": cpu_ns / 1e9 / (seen["bytes"] / GIB),
            "mb_per_s": seen["mb_per_s"],
        }

    def transfer(self, bench, running, key, num_bytes):
        return self.measure(
            bench, running, key, self.mode,
            "--bytes", num_bytes, "--parallel", self.parallel,
        )  # fmt: skip


class Workers(Connect):
    concurrency = 32

    def __init__(self):
        super().__init__("full", pinned=False)
        self.one_busiest_us = None

    def __call__(self, bench, key):
        running = self.begin(bench, key)
        self.amount(bench, running, key, self.concurrency)
        before = thread_cpu_ns(running.child.pid)
        running, seen, cpu_us = self.connect(bench, key, self.concurrency)
        after = thread_cpu_ns(running.child.pid)
        busiest = max(after[tid] - before.get(tid, 0) for tid in after)
        busiest_us = busiest / 1e3 / self.amounts[key, self.concurrency]
        figures = {
            "cpu_us": cpu_us,
            "per_s": seen["per_second"],
            "busiest_us": busiest_us,
        }
        if key == "echproxy":
            self.one_busiest_us = busiest_us
        elif self.one_busiest_us:
            figures["scaling"] = scaling(self.one_busiest_us, busiest_us, cpu_us)
        return figures


def scaling(one_busiest_us, two_busiest_us, two_total_us):
    """Connections per second of two workers by those of one, if each had a core
    of its own. Two cores can do no better than half of all that is done."""
    return one_busiest_us / max(two_busiest_us, two_total_us / 2)


def quantiles(seen):
    return {
        "p50_us": seen["p50"],
        "p99_us": seen["p99"],
        "p999_us": seen["p99.9"],
        "max_us": seen["max"],
    }
