"""Runs bench_floor, bench_origin and bench_load against each other, and
bench_leaf, with tiny counts: every mode and option once. What they print must be right; a leak in
any of them is an exit status, and so a failure.

    smoke.py --programs DIR --echproxy FILE
"""

import argparse
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

TIMEOUT = 30


def run(*args, **kwargs):
    return subprocess.run(
        [str(arg) for arg in args],
        check=True,
        timeout=TIMEOUT,
        capture_output=True,
        text=True,
        **kwargs,
    ).stdout


def make_certificates(folder):
    """A CA (ca.pem), a leaf (site.pem, site.key), and another CA (other.pem)."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    for name in "ca", "other":
        run("openssl", "req", "-x509", *key, "-keyout", folder / f"{name}.key",
            "-subj", f"/CN={name}", "-out", folder / f"{name}.pem")
    run("openssl", "req", *key, "-keyout", folder / "site.key", "-subj", "/CN=site",
        "-out", folder / "site.csr")
    (folder / "site.ext").write_text("subjectAltName=DNS:*.bench.test\n")
    run("openssl", "x509", "-req", "-in", folder / "site.csr", "-CA", folder / "ca.pem",
        "-CAkey", folder / "ca.key", "-CAcreateserial", "-extfile", folder / "site.ext",
        "-out", folder / "site.pem")


class Server:
    """bench_floor or bench_origin while it runs."""

    def __init__(self, *args):
        self.process = subprocess.Popen(
            [str(arg) for arg in args], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line
        self.address = line.split()[-1]

    def counters(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        out, _ = self.process.communicate(timeout=TIMEOUT)
        assert self.process.returncode == 0, self.process.returncode
        return json.loads(out)


class Bed:
    """The programs, and what they are given."""

    def __init__(self, programs, folder):
        self.programs = programs
        self.folder = folder
        self.identity = ["--cert", folder / "site.pem", "--key", folder / "site.key"]

    @contextlib.contextmanager
    def server(self, program, *args):
        server = Server(self.programs / program, "--listen", "127.0.0.1:0", *args)
        try:
            yield server
        except BaseException:
            server.process.kill()
            server.process.wait()
            raise
        if server.process:
            server.stop()

    def origin(self, *args):
        return self.server("bench_origin", *args)

    def floor(self, origin, *args):
        return self.server("bench_floor", "--to", origin.address, *args)

    def load(self, *args):
        lines = run(self.programs / "bench_load", *args, stdin=subprocess.DEVNULL)
        result = json.loads(lines.splitlines()[-1])
        assert result["errors"] == 0, result
        return result

    def load_fails(self, *args):
        done = subprocess.run(
            [str(arg) for arg in (self.programs / "bench_load", *args)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 1, done
        assert done.stderr.startswith("bench_load: "), done
        assert json.loads(done.stdout)["errors"] > 0, done


def check_modes(bed, *to):
    """Every mode of bench_load, to what `to` says."""
    result = bed.load("connect", *to, "--count", 20, "--concurrency", 4)
    assert result["count"] == 20 and result["per_second"] > 0
    assert 0 < result["ttfb_us"]["p50"] <= result["ttfb_us"]["max"]
    result = bed.load("request", *to, "--count", 50, "--size", 100000)
    assert result["count"] == 50
    assert 0 < result["latency_us"]["p50"] <= result["latency_us"]["p99.9"]
    for mode in "download", "upload":
        result = bed.load(mode, *to, "--bytes", 3000001, "--parallel", 2)
        assert result["bytes"] == 6000002 and result["mb_per_s"] > 0
    result = bed.load("idle", *to, "--count", 20)
    assert result["count"] == result["checked"] == 20
    result = bed.load("churn", *to, "--per-minute", 1200, "--seconds", 1,
                      "--hold", 5)
    assert result["count"] == 20 and result["checked"] == 5


def settled(floor):
    """The floor's counters once it has no tunnel open, or after a while."""
    end = time.monotonic() + TIMEOUT
    while (counters := floor.counters())["open"] and time.monotonic() < end:
        pass
    return counters


def test_tls(bed):
    ca = ["--ca", bed.folder / "ca.pem"]
    names = ["--names", 7, "--port", 8443]
    with bed.origin(*bed.identity, "--threads", 2) as origin:
        check_modes(bed, "--direct", origin.address, *ca, *names)
        with bed.floor(origin, *bed.identity, *ca, "--verify") as floor:
            check_modes(bed, "--proxy", floor.address, *ca, *names)
            assert origin.counters()["bad_bodies"] == 0
            counters = settled(floor)
            assert counters["failed"] == counters["open"] == 0, counters


def test_plain(bed):
    with bed.origin("--plain") as origin:
        check_modes(bed, "--direct", origin.address, "--plain")
        with bed.floor(origin, "--blind") as floor:
            check_modes(bed, "--proxy", floor.address, "--plain")
            assert settled(floor)["open"] == 0


def test_blind_tls(bed):
    with bed.origin(*bed.identity) as origin:
        with bed.floor(origin, "--blind") as floor:
            check_modes(bed, "--proxy", floor.address)


def test_resumption(bed):
    """The sides resume one without the other."""
    few = ["connect", "--count", 10]
    with bed.origin(*bed.identity) as origin:
        with bed.floor(origin, *bed.identity) as floor:
            result = bed.load(*few, "--proxy", floor.address, "--resume")
            assert result["resumed"] == 9, result
            assert origin.counters()["resumed"] == 0
        with bed.floor(origin, *bed.identity, "--resume") as floor:
            result = bed.load(*few, "--proxy", floor.address)
            assert result["resumed"] == 0, result
            assert origin.counters()["resumed"] == 9
    with bed.origin(*bed.identity, "--no-tickets") as origin:
        result = bed.load(*few, "--forward", origin.address, "--resume")
        assert result["resumed"] == 0, result


def test_ech(bed):
    ech = bed.folder / "ech.pem"
    few = ["connect", "--count", 10]
    with bed.origin(*bed.identity, "--ech-key", ech) as origin:
        result = bed.load(*few, "--direct", origin.address, "--ech", ech)
        assert result["ech_accepted"] == 10, result
        with bed.floor(origin, *bed.identity, "--ech", ech) as floor:
            bed.load(*few, "--proxy", floor.address)
            assert origin.counters()["ech_accepted"] == 20
    with bed.origin(*bed.identity) as origin:
        with bed.floor(origin, *bed.identity, "--ech", ech) as floor:
            bed.load_fails(*few, "--proxy", floor.address)
        # An entry of an unknown version: BoringSSL goes on without ECH.
        ech = bed.folder / "unknown.bin"
        ech.write_bytes(bytes.fromhex("0006 ffff 0002 0000"))
        bed.load_fails(*few, "--direct", origin.address, "--ech", ech)
        with bed.floor(origin, *bed.identity, "--ech", ech) as floor:
            bed.load_fails(*few, "--proxy", floor.address)


def test_failures(bed):
    """What is wrong is an error, and not a number."""
    few = ["connect", "--count", 3]
    other = ["--ca", bed.folder / "other.pem"]
    with bed.origin(*bed.identity) as origin:
        bed.load_fails(*few, "--direct", origin.address, *other)
        bed.load_fails(*few, "--direct", origin.address, "--plain")
        bed.load_fails(*few, "--proxy", origin.address)
        bed.load_fails(*few, "--direct", origin.address, "--ech",
                       bed.folder / "ech.pem")
        with bed.floor(origin, *bed.identity, *other, "--verify") as floor:
            bed.load_fails(*few, "--proxy", floor.address)
        with bed.floor(origin, *bed.identity, *other, "--no-verify") as floor:
            bed.load(*few, "--proxy", floor.address)
        gone = origin.address
    bed.load_fails(*few, "--direct", gone)


def test_lost_tunnels(bed):
    """Held tunnels that do not answer at the end are errors, found at once."""
    with bed.origin(*bed.identity) as origin:
        with bed.floor(origin, *bed.identity) as floor:
            load = subprocess.Popen(
                [str(bed.programs / "bench_load"), "idle", "--count", "5",
                 "--proxy", floor.address],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True,
            )
            assert load.stdout.readline() == "ready\n"
            floor.process.send_signal(signal.SIGSTOP)
            load.stdin.close()
            load.stdin = None
            floor.process.send_signal(signal.SIGKILL)
            try:
                out, _ = load.communicate(timeout=TIMEOUT)
            finally:
                load.kill()
                load.wait()
            assert load.returncode == 1
            result = json.loads(out)
            assert (result["errors"], result["checked"]) == (5, 0), result
            floor.process.wait()
            floor.process = None


def test_leaf(bed):
    program = bed.programs / "bench_leaf"
    few = ["--state-dir", bed.folder / "state", "--count", 5, "--kept", 3]
    seen = json.loads(run(program, *few))
    assert seen["count"] == 5
    assert seen["mint_us"] > seen["hit_us"] > 0 < seen["present_us"], seen
    done = subprocess.run([str(program)], capture_output=True, timeout=TIMEOUT)
    assert done.returncode == 1 and b"--state-dir" in done.stderr, done


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--echproxy", type=pathlib.Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificates(folder)
        run(args.echproxy, "keygen", "public.test", "--out", folder / "ech.pem")
        bed = Bed(args.programs, folder)
        for test in (test_tls, test_plain, test_blind_tls, test_resumption,
                     test_ech, test_failures, test_lost_tunnels, test_leaf):
            test(bed)
            print(f"{test.__name__}: passed", file=sys.stderr)


if __name__ == "__main__":
    main()
