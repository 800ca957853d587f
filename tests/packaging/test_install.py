"""`cmake --install` puts all there is where it belongs, and nothing elsewhere.

BUILD is the build directory, which is complete.
"""

import os
import re
import subprocess
import tempfile
import unittest

BUILD = os.environ["BUILD"]
WANTED = """
bin/echproxy
lib/systemd/system/echproxy-rotate@.service
lib/systemd/system/echproxy-rotate@.timer
lib/systemd/system/echproxy.service
lib/systemd/system/echproxy.socket
lib/systemd/user/echproxy.service
lib/systemd/user/echproxy.socket
share/applications/echproxy.desktop
share/bash-completion/completions/echproxy
share/doc/echproxy/README.md
share/doc/echproxy/copyright
share/doc/echproxy/docs/SERVICES.md
share/doc/echproxy/docs/connection.svg
share/doc/echproxy/docs/status-page.png
share/doc/echproxy/grafana/echproxy.json
share/doc/echproxy/rotate.env
share/fish/vendor_completions.d/echproxy.fish
share/man/man1/echproxy.1.gz
share/man/man5/echproxy.conf.5.gz
share/zsh/{zsh}/_echproxy
""".split()
PACKAGE_ONLY = {
    "share/doc/echproxy/changelog.Debian.gz",
    "share/lintian/overrides/echproxy",
}


def prefix():
    with open(os.path.join(BUILD, "CMakeCache.txt")) as cache:
        return re.search(r"^CMAKE_INSTALL_PREFIX:PATH=(.*)$", cache.read(), re.M)[1]


def files_below(root):
    return {
        os.path.relpath(os.path.join(folder, name), root)
        for folder, _, names in os.walk(root)
        for name in names
    }


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.root = scratch.name
        cls.below = cls.root + prefix()
        subprocess.run(
            ("cmake", "--install", BUILD),
            check=True,
            env=dict(os.environ, DESTDIR=cls.root),
            stdout=subprocess.DEVNULL,
        )

    def test_puts_all_below_the_prefix(self):
        found = files_below(self.root)
        start = prefix().strip("/") + "/"
        self.assertEqual({name for name in found if not name.startswith(start)}, set())

    def test_has_what_belongs_there_and_more_documentation_only(self):
        found = files_below(self.below)
        zsh = "vendor-completions" if prefix() == "/usr" else "site-functions"
        wanted = {name.format(zsh=zsh) for name in WANTED}
        if prefix() == "/usr":
            wanted |= PACKAGE_ONLY
        self.assertEqual(wanted - found, set())
        for name in found - wanted:
            self.assertRegex(
                name,
                r"^share/doc/echproxy/(docs/[A-Z-]+\.md|examples/[a-z.]+)$",
            )

    def test_program_runs_from_there(self):
        said = subprocess.run(
            (os.path.join(self.below, "bin/echproxy"), "--version"),
            check=True,
            capture_output=True,
            text=True,
        )
        self.assertRegex(said.stdout, r"^echproxy \d")

    def test_units_start_the_program_that_was_installed(self):
        for unit in "system/echproxy", "system/echproxy-rotate@", "user/echproxy":
            path = os.path.join(self.below, "lib/systemd", unit + ".service")
            with open(path) as file:
                program = re.search(r"^ExecStart=(\S+)", file.read(), re.M)[1]
            self.assertEqual(program, prefix() + "/bin/echproxy")


if __name__ == "__main__":
    unittest.main()
