"""Fetches axe-core, which looks for what keeps people from using a page.

    fetch_axe.py DIRECTORY

leaves the package in DIRECTORY that requirements.txt names with its digest, and
asks nobody for it when it is there.
"""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def main():
    directory = Path(sys.argv[1])
    digest = re.search(r"sha256:([0-9a-f]{64})", REQUIREMENTS.read_text())[1]
    for wheel in directory.glob("*.whl"):
        if hashlib.sha256(wheel.read_bytes()).hexdigest() == digest:
            return
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
         "--require-hashes", "--only-binary", ":all:", "--dest", directory,
         "--requirement", REQUIREMENTS],
        check=True,
    )


if __name__ == "__main__":
    main()
