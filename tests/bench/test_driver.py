"""Tests of the bench's driver, where a mistake would be a wrong figure that
nobody notices. Run by ctest: bench_driver."""

import io
import os
import subprocess
import sys
import time
import unittest

import bench
import growth
import holding
import machine
import measuring
import peers
import processes
import report
import resolver
import scenarios
import speed
import targets


def results_with(*rows):
    """(scenario, peer, figure, values...)"""
    results = measuring.Results()
    for scenario, peer, figure, *values in rows:
        for value in values:
            results.add(scenario, peer, {figure: value})
    return results


class MeasuringTest(unittest.TestCase):
    def test_median_not_mean(self):
        results = results_with(("s", "p", "f", 1.0, 100.0, 2.0))
        self.assertEqual(results.value("s", "p", "f"), 2.0)

    def test_median_of_two_rounds(self):
        self.assertEqual(results_with(("s", "p", "f", 1, 2)).value("s", "p", "f"), 1.5)

    def test_nothing_measured_is_none(self):
        self.assertIsNone(measuring.Results().value("s", "p", "f"))

    def test_a_failure_in_a_late_round_voids_the_figure(self):
        results = results_with(("s", "p", "f", 1, 2))
        results.fail("s", "p", "wrong\nbytes")
        self.assertIsNone(results.value("s", "p", "f"))
        self.assertEqual(results.as_json()["s"]["p"]["failed"], "wrong bytes")

    def test_zero_is_a_figure(self):
        self.assertEqual(results_with(("s", "p", "f", 0)).value("s", "p", "f"), 0)

    def test_ratio(self):
        self.assertEqual(measuring.ratio(3.0, 2.0), 1.5)
        self.assertEqual(measuring.ratio(0, 2.0), 0)
        self.assertIsNone(measuring.ratio(3.0, 0))
        self.assertIsNone(measuring.ratio(3.0, None))
        self.assertIsNone(measuring.ratio(None, 2.0))

    def test_every_peer_is_first_once(self):
        turns = [measuring.rotated("abc", turn) for turn in range(4)]
        self.assertEqual(
            ["".join(turn) for turn in turns], ["abc", "bca", "cab", "abc"]
        )
        self.assertEqual(measuring.rotated([], 2), [])

    def test_spread(self):
        self.assertEqual(measuring.spread([9, 10, 12]), 0.3)
        self.assertEqual(measuring.spread([0, 0]), 0.0)


class ProgressTest(unittest.TestCase):
    def setUp(self):
        self.time = 0.0
        self.progress = measuring.Progress(io.StringIO(), 100, lambda: self.time)

    def test_what_is_under_way_is_still_to_be_done(self):
        self.progress.step("first", 40)
        self.assertEqual(self.progress.seconds_left(), 100)

    def test_what_is_under_way_gets_less(self):
        self.progress.step("first", 40)
        self.time = 30.0
        self.assertEqual(self.progress.seconds_left(), 70)
        self.time = 80.0
        self.assertEqual(self.progress.seconds_left(), 60)

    def test_a_slow_machine_takes_longer(self):
        self.progress.step("first", 40)
        self.time = 80.0
        self.progress.step("second", 60)
        self.assertEqual(self.progress.seconds_left(), 120)
        self.assertIn(" 2:00 left  second\n", self.progress.out.getvalue())


class ProcessesTest(unittest.TestCase):
    def test_schedstat(self):
        self.assertEqual(processes.parse_schedstat("20058992 332152 30\n"), 20058992)
        with self.assertRaises(ValueError):
            processes.parse_schedstat("")

    def test_smaps_rollup(self):
        text = "55d0-7ffd ---p 00:00 0 [rollup]\nRss: 900 kB\nPss:    412 kB\n"
        text += "Pss_Anon:   7 kB\n"
        self.assertEqual(processes.parse_smaps_rollup(text), 412)
        with self.assertRaises(ValueError):
            processes.parse_smaps_rollup("Rss: 1 kB\n")

    def test_cpu_time_has_ended_threads_in_it(self):
        program = (
            "import threading, sys\n"
            "def work(): sum(range(4_000_000))\n"
            "t = threading.Thread(target=work); t.start(); t.join()\n"
            "print('done', flush=True); sys.stdin.read()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child:
            child.stdout.readline()
            # Joined, in Python, is a moment before the thread's end.
            while len(os.listdir(f"/proc/{child.pid}/task")) > 1:
                time.sleep(0.001)
            whole = processes.cpu_ns([child.pid])
            living = sum(processes.thread_cpu_ns(child.pid).values())
            child.stdin.close()
        self.assertGreater(whole, living + 10_000_000)

    def test_cpu_time_is_in_nanoseconds(self):
        before = processes.cpu_ns([os.getpid()]), time.process_time_ns()
        sum(range(3_000_000))
        after = processes.cpu_ns([os.getpid()]), time.process_time_ns()
        measured, known = after[0] - before[0], after[1] - before[1]
        self.assertAlmostEqual(measured / known, 1.0, delta=0.1)

    def test_children_count_and_go_with_their_parent(self):
        parent = [
            "/bin/sh",
            "-c",
            "sleep 100 & setsid sh -c 'echo started; exec sleep 100' & wait",
        ]
        child = processes.Child(
            "parent", parent, os.environ.get("TMPDIR", "/tmp"),
            output=subprocess.PIPE,
        )  # fmt: skip
        try:
            self.assertEqual(processes.read_line(child), "started\n")
            pids = child.pids()
            self.assertEqual(len(pids), 3)
        finally:
            child.stop()
            child.log_path.unlink()
        for pid in pids:
            self.assertFalse(is_running(pid))


def is_running(pid):
    """A process that nobody has waited for yet is none."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                if stat.read().rpartition(")")[2].split()[0] in "ZX":
                    return False
        except (FileNotFoundError, ProcessLookupError):
            return False
        time.sleep(0.01)
    return True


class TargetsTest(unittest.TestCase):
    def make(self, **options):
        values = {
            "text": "t", "kind": "ratio", "figure": ("s", "us", "f"),
            "reference": ("s", "floor", "f"), "sense": "at most",
            "limit": {"debian": 1.2, "upstream": 1.1},
        }  # fmt: skip
        return targets.Target(**{**values, **options})

    def judge(self, target, ours, floor, kind="debian"):
        rows = [("s", "us", "f", ours)]
        if floor is not None:
            rows.append(("s", "floor", "f", floor))
        return targets.judge(target, results_with(*rows), kind)

    def test_at_most(self):
        self.assertTrue(self.judge(self.make(), 12, 10).met)
        self.assertFalse(self.judge(self.make(), 12.1, 10).met)

    def test_at_least(self):
        target = self.make(sense="at least")
        self.assertTrue(self.judge(target, 12, 10).met)
        self.assertFalse(self.judge(target, 11.9, 10).met)

    def test_each_boringssl_has_its_factor(self):
        self.assertFalse(self.judge(self.make(), 12, 10, "upstream").met)

    def test_without_a_reference_nothing_is_met(self):
        verdict = self.judge(self.make(), 12, None)
        self.assertIsNone(verdict.met)
        self.assertEqual(verdict.word, "not measured")

    def test_difference_and_scale(self):
        target = self.make(kind="difference", scale=("s", "floor", "f"))
        verdict = self.judge(target, 23, 10)
        self.assertEqual((verdict.measured, verdict.limit), (13, 12))
        self.assertFalse(verdict.met)

    def test_a_value_of_nothing_meets_at_most_nothing(self):
        target = self.make(kind="value", reference=None, limit=targets.both(0))
        self.assertTrue(self.judge(target, 0, None).met)

    def test_a_failed_peer_meets_nothing(self):
        results = results_with(("s", "us", "f", 1), ("s", "floor", "f", 1))
        results.fail("s", "floor", "did not start")
        self.assertIsNone(targets.judge(self.make(), results, "debian").met)

    def test_every_target_names_what_is_measured(self):
        known = {one.key: one for one in scenarios.SCENARIOS}
        for target in targets.TARGETS:
            for figure in (target.figure, target.reference, target.scale):
                if figure:
                    self.assertIn(figure[1], known[figure[0]].peers, target.text)
            columns = [figure for figure, _ in known[target.figure[0]].columns]
            name = target.figure[2]
            for step in known[target.figure[0]].steps:
                name = name.removesuffix(f"_{step}")
            self.assertIn(name, columns)

    def test_a_report_says_miss(self):
        verdict = self.judge(self.make(), 13, 10)
        self.assertEqual(
            report.target_row(verdict), ["t", "at most 1.20×", "1.30×", "MISS"]
        )


class ScenariosTest(unittest.TestCase):
    def test_peers_are_known(self):
        for scenario in scenarios.SCENARIOS:
            for peer in scenario.peers:
                self.assertIn(peer, peers.PEERS)
            if scenario.ratios:
                self.assertIn(scenario.floor, scenario.peers)

    def test_only_brings_what_is_compared_with(self):
        ((scenario, chosen),) = bench.select(["request/squid-p*"], False)
        self.assertEqual(scenario.key, "request")
        self.assertEqual(chosen, ["floor", "squid-pool", "squid-peek", "direct"])

    def test_only_nothing(self):
        self.assertEqual(bench.select(["nothing"], False), [])

    def test_quick_leaves_out_the_soak_unless_asked_for(self):
        quick = [scenario.key for scenario, _ in bench.select([], True)]
        self.assertNotIn("soak", quick)
        self.assertTrue(bench.select(["soak"], True))

    def test_plan_is_in_time(self):
        for quick, most in ((True, 4 * 60), (False, 30 * 60)):
            run = bench.Bench(None, quick, None)
            self.assertLess(run.plan(bench.select([], quick)), most)

    def test_scaling_counts_the_busier_thread(self):
        self.assertEqual(speed.scaling(100, 50, 100), 2.0)
        self.assertEqual(speed.scaling(100, 80, 100), 1.25)
        # Two threads may be even and a third do the rest.
        self.assertEqual(speed.scaling(100, 40, 125), 1.6)

    def test_second_and_last_minute(self):
        steps = ((59, 5), (119, 10), (239, 99), (300, 12))
        values = [next(value for end, value in steps if at <= end) for at in range(301)]
        points = list(enumerate(values))
        self.assertEqual(holding.second_and_last_minute(points), (10, 12))

    def test_slow_peers_visit_fewer_sites(self):
        self.assertEqual(growth.counts("privoxy", False), [1, 10, 100])
        self.assertEqual(growth.counts("echproxy", False)[-1], resolver.MAX_SITES)


class OthersTest(unittest.TestCase):
    def test_zone(self):
        lines = list(resolver.zone_lines([8443], "QUJD", 2))
        self.assertIn("site-1.bench.test. 86400 IN A 127.0.0.1", lines)
        self.assertIn(
            "_8443._https.site-1.bench.test. 86400 IN HTTPS "
            "1 site-1.bench.test. alpn=h2,http/1.1 ech=QUJD",
            lines,
        )
        self.assertFalse([one for one in lines if "https.blind" in one])

    def test_boringssl_kind(self):
        debian = "BoringSSL (Debian android-libboringssl), API version 17"
        self.assertEqual(machine.boringssl_kind(debian), "debian")
        self.assertEqual(machine.boringssl_kind("BoringSSL, API version 43"), "upstream")

    def test_numbers(self):
        shown = [report.number(one) for one in (None, 0, 0.456, 12.34, 1234.5)]
        self.assertEqual(shown, ["-", "0", "0.46", "12.3", "1,234"])


if __name__ == "__main__":
    unittest.main()
