"""bench_load, which asks and checks every byte of the answers."""

import json
import subprocess
import threading

from processes import Child, Trouble, read_line


def sites(running, peer, stage, origin, num_names=100):
    """Where the load goes, as bench_load's options."""
    port = running.ports[origin]
    name = "blind-%d.bench.test" if peer.blind else "site-%d.bench.test"
    options = [
        f"--{peer.how}", f"127.0.0.1:{port}", "--name", name,
        "--names", num_names, "--port", stage.origins[origin].port,
    ]  # fmt: skip
    if peer.blind:
        return [*options, "--plain"]
    options += stage.groups
    if peer.how == "direct":
        options += ["--ca", stage.certificates.root]
        if peer.ech:
            options += ["--ech", stage.ech_config]
    if peer.tls12:
        options.append("--tls12")
    return options


class Load:
    """One bench_load. `options` are what sites() gave and the mode's."""

    def __init__(self, stage, mode, options, cpus):
        self.mode = mode
        stage.num_loads += 1
        self.child = Child(
            f"load-{stage.num_loads}",
            (stage.tool("bench_load"), mode, *options),
            stage.directory,
            cpus,
            output=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )

    def wait_until_ready(self, seconds):
        """For idle: returns when every tunnel is held."""
        line = read_line(self.child, seconds)
        if line.strip() != "ready":
            self.child.stop()
            raise Trouble(self.complaint(f"not ready within {seconds} seconds"))

    def finish(self, seconds, tolerant=False):
        """Lets it end and returns what it saw. Any error is Trouble, unless
        `tolerant`."""
        ending = threading.Timer(seconds, self.child.process.kill)
        ending.start()
        try:
            self.child.close_stdin()
            text = self.child.stdout.read().decode()
            self.child.process.wait()
        finally:
            ending.cancel()
            self.child.stop()
        return self.read(text, seconds, tolerant)

    def read(self, text, seconds, tolerant):
        lines = text.strip().splitlines()
        try:
            seen = json.loads(lines[-1]) if lines else {}
        except ValueError:
            seen = {}
        if not seen:
            raise Trouble(self.complaint(f"no answer within {seconds:.0f} seconds"))
        if seen["errors"] and not tolerant:
            complaint = self.complaint("no reason given")
            raise Trouble(f"{seen['errors']} errors, the first: {complaint}")
        return seen

    def complaint(self, otherwise):
        text = self.child.log_path.read_text(errors="replace").strip()
        return text.splitlines()[0].removeprefix("bench_load: ") if text else otherwise


def run_load(stage, mode, options, cpus, seconds=90):
    limits = ("--timeout", 10, "--time-limit", int(seconds))
    return Load(stage, mode, (*options, *limits), cpus).finish(seconds + 30)
