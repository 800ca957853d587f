"""Measures echproxy, a floor that does nothing but relay, and what else people
could run, side by side in one run, and writes tables and plots."""

import argparse
import fnmatch
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import machine
import report
from holding import held_seconds
from measuring import Progress, Results, rotated
from processes import Trouble
from scenarios import SCENARIOS
from stage import Stage
from targets import judge_all

TARGET_SECONDS = 1.0
QUICK_TARGET_SECONDS = 0.3
# What a run may take at most, what it writes included; on a slow machine the
# measurements get shorter, but no shorter than this.
MOST_SECONDS = 28 * 60
QUICK_MOST_SECONDS = 3.7 * 60
LEAST_TARGET_SECONDS = 0.1
START_SECONDS = 1  # for the stage
# What is thrown when a peer does not do as it should.
PEER_FAILURES = (Trouble, OSError, subprocess.SubprocessError, ValueError, KeyError)


class Bench:
    """One run: what the scenarios need to know."""

    def __init__(self, stage, quick, out):
        self.stage = stage
        self.quick = quick
        self.whole_target_seconds = QUICK_TARGET_SECONDS if quick else TARGET_SECONDS
        self.target_seconds = self.whole_target_seconds
        self.results = Results()
        self.progress = None
        self.out = out

    def held_seconds(self, scenario, peer):
        return held_seconds(scenario, peer, self.quick)

    def plan(self, selected):
        """How many seconds it should all take."""
        return START_SECONDS + sum(
            scenario.seconds(self, peer) * scenario.num_rounds(self.quick)
            + (0 if scenario.fresh else self.target_seconds)  # the warm-up
            for scenario, peers in selected
            for peer in peers
        )

    def run(self, selected):
        self.progress = Progress(self.out, self.plan(selected))
        self.progress.step("setting the stage", START_SECONDS)
        self.stage.set_up()
        for scenario, peers in selected:
            self.keep_to_time()
            self.run_scenario(scenario, peers)
        self.progress.finish()

    def keep_to_time(self):
        """Makes what is still to come shorter when it would take too long."""
        most = QUICK_MOST_SECONDS if self.quick else MOST_SECONDS
        allowed = most - self.progress.elapsed()
        share = allowed / max(1.0, self.progress.seconds_left())
        if share < 1:
            wanted = self.whole_target_seconds * share
            self.target_seconds = max(LEAST_TARGET_SECONDS, wanted)

    def run_scenario(self, scenario, peers):
        for peer in peers:
            self.results.add(scenario.key, peer, {})
        for turn in range(scenario.num_rounds(self.quick)):
            for peer in rotated(peers, turn):
                self.run_peer(scenario, peer, turn)

    def run_peer(self, scenario, peer, turn):
        of = scenario.num_rounds(self.quick)
        seconds = scenario.seconds(self, peer)
        if turn == 0 and not scenario.fresh:
            seconds += self.target_seconds
        self.progress.step(f"{scenario.key}/{peer}, round {turn + 1} of {of}", seconds)
        if (scenario.key, peer) in self.results.failures:
            return
        try:
            self.results.add(scenario.key, peer, scenario.measure(self, peer))
        except PEER_FAILURES as failure:
            self.results.fail(scenario.key, peer, self.reason(peer, failure))
            self.stage.drop(peer)

    def reason(self, peer, failure):
        """Why a peer failed: if its process has ended, that is why."""
        words = self.stage.last_words_of_dead(peer)
        return failure if words is None else f"ended by itself: {words}; {failure}"


def select(patterns, quick):
    """Returns the scenarios to run with their peers. What others are compared
    with comes along."""
    selected = []
    for scenario in SCENARIOS:
        wanted = [
            peer
            for peer in scenario.peers
            if not patterns or any(matches(one, scenario, peer) for one in patterns)
        ]
        # What one asks for by name is run, however long it takes.
        if not wanted or (quick and scenario.full_only and not patterns):
            continue
        wanted += [scenario.floor, scenario.direct, *scenario.needs]
        selected.append((scenario, [one for one in scenario.peers if one in wanted]))
    return selected


def matches(pattern, scenario, peer):
    of, _, who = pattern.partition("/")
    return fnmatch.fnmatchcase(scenario.key, of) and fnmatch.fnmatchcase(
        peer, who or "*"
    )


def epilog():
    names = ", ".join(one.key for one in SCENARIOS)
    scenarios = textwrap.fill(f"Scenarios: {names}.", 79, break_on_hyphens=False)
    return f"""{scenarios}

Examples:
  ./bench --quick
  ./bench --only 'idle-*' --only connect/squid-pool"""


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="bench",
        description=__doc__,
        epilog=epilog(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, in four minutes"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="SCENARIO[/PEER]",
        help="run this only; * and ? are allowed, and it may be given several "
        "times; what it is compared with comes along",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="exit with 1 when a target was missed or a peer failed",
    )
    parser.add_argument(
        "--groups",
        metavar="LIST",
        help="key exchange of the load, the site and the floor, as X25519:P-256 "
        "(default: BoringSSL's own choice, which has ML-KEM where it can)",
    )
    parser.add_argument("--list", action="store_true", help="say what there is to run")
    parser.add_argument("--build", help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.selected = select(arguments.only, arguments.quick)
    if not arguments.selected:
        parser.error(f"nothing is called {' or '.join(arguments.only)}; see --list")
    return arguments


def main():
    arguments = parse_arguments()
    if arguments.list:
        for scenario, peers in arguments.selected:
            print(f"{scenario.key}: {' '.join(peers)}")
        return 0
    raise_descriptor_limit()
    # Also when the shell had it ignored, as it does for what runs behind.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
    stage = Stage(arguments.build, arguments.groups)
    bench = Bench(stage, arguments.quick, sys.stderr)
    begun = time.monotonic()
    load_before = machine.load_average()
    try:
        bench.run(arguments.selected)
        seconds = time.monotonic() - begun
        run = machine.describe(stage, arguments.quick, seconds, load_before)
    except Trouble as trouble:
        print(f"\nThe bench could not run: {trouble}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    finally:
        # Nothing may keep the peers alive, not even impatience.
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        stage.close()
    return conclude(arguments, bench, run)


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def conclude(arguments, bench, run):
    verdicts = judge_all(bench.results, run["boringssl_kind"])
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    scenarios = [scenario for scenario, _ in arguments.selected]
    # Not needed before, and a package that takes its time.
    import plots  # pylint: disable=import-outside-toplevel

    images = plots.draw_all(bench.results, out)
    report.write(out, run, scenarios, bench.results, verdicts, images)
    print(report.targets_text(verdicts))
    print(f"{out / 'report.md'} has the tables, {len(images)} plots are beside it.")
    missed = [one for one in verdicts if one.met is False]
    if arguments.check and (missed or bench.results.failures):
        return 1
    return 0


if __name__ == "__main__":
    os.chdir("/")
    sys.exit(main())
