"""Numbers: the rounds of a run, their medians, and ratios to the floor."""

import statistics
import time
from collections import defaultdict


def rotated(items, turn):
    """The same items, begun elsewhere each turn, so that no peer always comes
    first or after the same one... within a turn their order stays."""
    items = list(items)
    if not items:
        return items
    turn %= len(items)
    return items[turn:] + items[:turn]


def ratio(value, reference):
    """None where there is nothing to divide, or by nothing."""
    if value is None or not reference:
        return None
    return value / reference


def spread(values):
    """How far the rounds lie apart: (highest - lowest) / median."""
    middle = statistics.median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


class Results:
    """What each round of each scenario gave for each peer, and why a peer gave
    nothing."""

    def __init__(self):
        self.rounds = defaultdict(list)  # (scenario, peer, figure): values
        self.failures = {}  # (scenario, peer): reason
        self.series = {}  # name: list of points, for plots over time
        self.peers = defaultdict(list)  # scenario: peers, in order

    def add(self, scenario, peer, figures):
        if peer not in self.peers[scenario]:
            self.peers[scenario].append(peer)
        for figure, value in figures.items():
            if value is not None:
                self.rounds[scenario, peer, figure].append(value)

    def fail(self, scenario, peer, reason):
        if peer not in self.peers[scenario]:
            self.peers[scenario].append(peer)
        self.failures[scenario, peer] = " ".join(str(reason).split())

    def value(self, scenario, peer, figure):
        """The median of the rounds; None when the peer failed or has none."""
        values = self.rounds.get((scenario, peer, figure))
        if not values or (scenario, peer) in self.failures:
            return None
        return statistics.median(values)

    def figures(self, scenario):
        """The figures of a scenario, in the order in which they came."""
        seen = {}
        for name, _, figure in self.rounds:
            if name == scenario:
                seen[figure] = True
        return list(seen)

    def as_json(self):
        out = {}
        for (scenario, peer, figure), values in self.rounds.items():
            row = out.setdefault(scenario, {}).setdefault(peer, {})
            row[figure] = {
                "median": self.value(scenario, peer, figure),
                "rounds": values,
                "spread": round(spread(values), 4),
            }
        for (scenario, peer), reason in self.failures.items():
            out.setdefault(scenario, {}).setdefault(peer, {})["failed"] = reason
        return out


class Progress:
    """Says what is being done and how long the rest takes: what was planned for
    it, times how much longer than planned things have taken so far."""

    def __init__(self, out, planned_seconds, now=time.monotonic):
        self.out = out
        self.now = now
        self.planned = planned_seconds
        self.done = 0.0
        self.current = 0.0
        self.begun = self.step_begun = now()
        self.width = 0

    def elapsed(self):
        return self.now() - self.begun

    def seconds_left(self):
        before = self.step_begun - self.begun
        pace = before / self.done if self.done > self.planned * 0.05 else 1.0
        left = max(0.0, self.planned - self.done) * pace
        # Of what is under way, a part is over; but it is not all until it ends.
        return left - min(self.now() - self.step_begun, self.current * pace)

    def step(self, text, seconds):
        """Announces a step that was planned to take `seconds`; the one before
        it is over."""
        self.done += self.current
        self.current = seconds
        self.step_begun = self.now()
        self.show(text)

    def show(self, text):
        left = int(self.seconds_left() + 0.5)
        line = f"{left // 60:2}:{left % 60:02} left  {text}"
        if self.out.isatty():
            self.out.write("\r" + line.ljust(self.width))
            self.width = len(line)
        else:
            self.out.write(line + "\n")
        self.out.flush()

    def finish(self):
        if self.out.isatty():
            self.out.write("\r" + " " * self.width + "\r")
            self.out.flush()
