"""What a run was made on."""

import os
import platform
import re
import subprocess
import time
from pathlib import Path

from processes import run

PACKAGES = (
    "squid-openssl", "mitmproxy", "privoxy", "haproxy", "nginx", "tinyproxy-bin",
    "unbound",
)  # fmt: skip
# Debian's android-libboringssl-dev has this version of the API; both kinds are
# told apart by it where the targets differ.
DEBIAN_API_VERSION = 17


def load_average():
    """How many programs wanted a core in the last minute."""
    return os.getloadavg()[0]


def describe(stage, quick, seconds, load_before):
    version = run(stage.echproxy, "--version").strip().splitlines()
    return {
        "quick": quick,
        "seconds": round(seconds),
        "date": time.strftime("%Y-%m-%d %H:%M %Z"),
        "cpu": cpu_model(),
        "cores": len(stage.all_cpus),
        "kernel": platform.release(),
        "groups": stage.groups[-1] if stage.groups else "BoringSSL's own choice",
        "echproxy": version[0],
        "boringssl": version[-1],
        "boringssl_kind": boringssl_kind(version[-1]),
        "packages": package_versions(),
        "load_before": round(load_before, 2),
    }


def boringssl_kind(version_line):
    found = re.search(r"API version (\d+)", version_line)
    is_debian = found and int(found[1]) == DEBIAN_API_VERSION
    return "debian" if is_debian else "upstream"


def cpu_model():
    found = re.search(
        r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M
    )
    return found[1] if found else platform.machine()


def package_versions():
    shown = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *PACKAGES],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)
