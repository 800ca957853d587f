"""The programs that a bench runs: each a child in a session of its own, ended
by its own id whatever happens, and what the kernel says of it and of all the
processes that it made."""

import ctypes
import itertools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1
# clock_getcpuclockid(3) of another process: its CPU time in nanoseconds, the
# threads that have ended included. /proc/PID/task/*/schedstat loses those, and
# peers that make a thread for each connection would seem to cost nothing.
CPUCLOCK_SCHED = 2

libc = ctypes.CDLL(None, use_errno=True)


class Trouble(Exception):
    """Something did not work; its text says what, for a person."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def find(program):
    """Returns the path of a program, also of one that only root's PATH has."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not path:
        raise Trouble(f"{program} is not installed")
    return path


def run(*command, timeout=60, **options):
    """Runs a command to its end and returns its output."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )
    if done.returncode != 0:
        raise Trouble(f"{command[0]} failed: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def answers(child, port, seconds=15):
    """Waits until somebody listens on `port`; False when `child` has ended."""
    deadline = time.monotonic() + seconds
    while child.alive() and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            time.sleep(0.02)
    return False


class Child:
    """One program and what it has started."""

    # All that have not been stopped, so that an interrupted run, wherever it
    # was, forgets none.
    living = set()
    numbers = itertools.count()

    def __init__(
        self, name, command, directory, cpus=None, env=None, output=None, stdin=None
    ):
        self.name = name
        self.log_path = Path(directory) / (name + ".log")
        self.log = open(self.log_path, "ab")
        self.process = None
        self.number = next(Child.numbers)
        Child.living.add(self)
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=stdin or subprocess.DEVNULL,
            stdout=output or self.log,
            stderr=self.log,
            cwd=directory,
            env={**os.environ, **(env or {})},
            start_new_session=True,  # Ctrl-C is for the driver, which ends us
            preexec_fn=lambda: prepare_child(cpus),
        )

    @property
    def pid(self):
        return self.process.pid

    @property
    def stdout(self):
        return self.process.stdout

    def alive(self):
        return self.process.poll() is None

    def last_words(self):
        """The last line that it wrote to its log."""
        lines = self.log_path.read_text(errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else ""

    def pids(self):
        """The process and all below it."""
        return [self.pid, *descendants(self.pid)] if self.alive() else []

    def stop(self, seconds=3):
        """Ends it, and what it started. To do it twice is no harm."""
        if self.process is not None:
            below = [(pid, started_at(pid)) for pid in self.pids()[1:]]
            self.process.terminate()
            try:
                self.process.wait(timeout=seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            for pid, start in below:
                kill_same(pid, start)
            if self.process.stdout:
                self.process.stdout.close()
            self.close_stdin()
        self.log.close()
        Child.living.discard(self)

    def close_stdin(self):
        if self.process.stdin:
            self.process.stdin.close()


def started_at(pid):
    """When the process began, which tells it from a later one of the same id;
    None when there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def kill_same(pid, start):
    try:
        if start is not None and started_at(pid) == start:
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # gone in between


def stop_all():
    """Ends every child, those last that were there first."""
    for child in sorted(Child.living, key=lambda child: -child.number):
        child.stop()


def prepare_child(cpus):
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if cpus:
        os.sched_setaffinity(0, cpus)


def read_line(child, seconds=15):
    """Returns the first line of what `child` prints, or '' if none comes."""
    ready, _, _ = select.select([child.stdout], [], [], seconds)
    return child.stdout.readline().decode() if ready else ""


def listening_port(child):
    """Reads 'listening on ADDR:PORT' and returns the port."""
    line = read_line(child)
    found = re.match(r"listening on \S*:(\d+)\s*$", line)
    if not found:
        child.stop()
        raise Trouble(f"{child.name} did not start: {child.last_words() or line}")
    return int(found[1])


def descendants(pid):
    below = []
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{tid}/children").read_text()
            for child in map(int, text.split()):
                below += [child, *descendants(child)]
    except (FileNotFoundError, ProcessLookupError):
        pass  # it has ended in between
    return below


def pin(pids, cpus):
    """Binds every thread of the processes to `cpus`; threads that they make
    later inherit that."""
    for pid in pids:
        try:
            for tid in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(tid), cpus)
        except (FileNotFoundError, ProcessLookupError):
            pass


def cpu_ns(pids):
    """CPU time of the processes so far, in nanoseconds."""
    total = 0
    for pid in pids:
        try:
            total += time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
        except OSError:
            pass  # it has ended; its children's time is not asked for either
    return total


def parse_schedstat(text):
    """Nanoseconds on a CPU: the first of the three numbers of schedstat."""
    fields = text.split()
    if len(fields) != 3:
        raise ValueError(f"not a schedstat: {text!r}")
    return int(fields[0])


def thread_cpu_ns(pid):
    """CPU time of each living thread, by its id."""
    times = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            path = Path(f"/proc/{pid}/task/{tid}/schedstat")
            times[int(tid)] = parse_schedstat(path.read_text())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return times


def settled_cpu_ns(child, seconds=2.0, pause=0.03, quiet_ns=150_000):
    """CPU time once the process has finished with what it was given: hardly
    any passes between two looks. What goes on for longer is counted as is."""
    deadline = time.monotonic() + seconds
    pids = child.pids()
    last = cpu_ns(pids)
    while time.monotonic() < deadline:
        time.sleep(pause)
        now = cpu_ns(pids)
        if now - last < quiet_ns:
            return now
        last = now
    return last


def parse_smaps_rollup(text):
    """Proportional set size in KiB."""
    found = re.search(r"^Pss:\s+(\d+) kB$", text, re.M)
    if not found:
        raise ValueError("no Pss in smaps_rollup")
    return int(found[1])


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            total += parse_smaps_rollup(
                Path(f"/proc/{pid}/smaps_rollup").read_text()
            )
        except (FileNotFoundError, ProcessLookupError):
            pass
    return total
