"""Scenarios that hold tunnels: the memory that an idle one takes, and whether it
grows while others come and go."""

import statistics
import time

from load import Load, run_load, sites
from peers import PEERS
from processes import pss_kib

COUNTS = (1000, 5000)
WARM_UP = 100
SOAK_SECONDS = 300
HELD = 5000
PER_MINUTE = 10_000


# Seconds that a peer needs to open a thousand tunnels, roughly.
SLOWNESS = {"privoxy": 12, "mitmproxy": 6, "squid-peek": 4, "squid-pool": 1.5}


def held_seconds(scenario, key, quick):
    """What a turn of a scenario with processes of its own should take."""
    slowness = SLOWNESS.get(key, 1)
    if scenario == "soak":
        return SOAK_SECONDS + 15
    if scenario == "sites":
        return 6 if quick else 15 + 12 * slowness**0.5
    if scenario == "first-visit":
        return 3 if quick else 6
    return 1.5 + 1.1 * slowness * int(scenario.split("-")[1]) / 1000


def origin_of(peer):
    return "plain" if peer.blind else "tickets"


class Fresh:
    """A peer in a process of its own, warmed up, and ended afterwards."""

    def __init__(self, bench, key, origin=None):
        self.stage = bench.stage
        self.peer = PEERS[key]
        self.origin = origin or origin_of(self.peer)
        self.running = self.stage.start_fresh(key, self.origin)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.running.child.stop()

    def where(self, num_names=10):
        return sites(self.running, self.peer, self.stage, self.origin, num_names)

    def load(self, mode, *options):
        return run_load(
            self.stage, mode, (*self.where(), *options), self.stage.other_cpus
        )

    def warm_up(self):
        self.load("connect", "--count", WARM_UP, "--concurrency", 8)

    def hold(self, count, seconds):
        options = (*self.where(), "--count", count, "--timeout", 60)
        load = Load(self.stage, "idle", options, self.stage.other_cpus)
        load.wait_until_ready(seconds)
        return load

    def pss_kib(self):
        return settled_pss_kib(self.running.child)


def settled_pss_kib(child, seconds=3.0, pause=0.2):
    """Proportional set size once it stays what it is."""
    deadline = time.monotonic() + seconds
    last = pss_kib(child.pids())
    while time.monotonic() < deadline:
        time.sleep(pause)
        now = pss_kib(child.pids())
        if abs(now - last) <= max(16, last // 1000):
            return now
        last = now
    return last


class Idle:
    def __init__(self, count):
        self.count = count

    def __call__(self, bench, key):
        with Fresh(bench, key) as fresh:
            fresh.warm_up()
            before = fresh.pss_kib()
            load = fresh.hold(self.count, 150)
            after = fresh.pss_kib()
            load.finish(120)
            return {"kib": (after - before) / self.count}


class Soak:
    def __call__(self, bench, key):
        with Fresh(bench, key) as fresh:
            fresh.warm_up()
            held = fresh.hold(HELD, 150)
            options = (
                *fresh.where(), "--hold", 0, "--per-minute", PER_MINUTE,
                "--seconds", SOAK_SECONDS, "--timeout", 20,
                "--time-limit", SOAK_SECONDS + 60,
            )  # fmt: skip
            churn = Load(bench.stage, "churn", options, bench.stage.other_cpus)
            points = self.watch(bench, fresh, churn)
            bench.results.series["soak"] = points
            return self.figures(points, held, churn)

    def watch(self, bench, fresh, churn):
        """Looks at the memory every second until the churn is over."""
        begun = time.monotonic()
        points = []
        while churn.child.alive():
            elapsed = time.monotonic() - begun
            points.append((elapsed, pss_kib(fresh.running.child.pids()) / 1024))
            if len(points) % 10 == 0:
                bench.progress.show(f"soak: {int(elapsed)} of {SOAK_SECONDS} s")
            time.sleep(max(0, begun + len(points) - time.monotonic()))
        return points

    def figures(self, points, held, churn):
        seen = churn.finish(30, tolerant=True)
        errors = seen["errors"] + held.finish(120, tolerant=True)["errors"]
        early, late = second_and_last_minute(points)
        return {
            "errors": errors,
            "opened": seen["count"],
            "growth_percent": 100 * (late - early) / early,
            "pss_mib": late,
            "p99_us": seen["ttfb_us"]["p99"],
            "max_us": seen["ttfb_us"]["max"],
        }


def second_and_last_minute(points):
    """Medians of (seconds, value). In the first minute the churn sets in."""
    end = points[-1][0]
    second = [value for at, value in points if 60 <= at < 120]
    last = [value for at, value in points if at >= end - 60]
    return statistics.median(second), statistics.median(last)
