"""The man pages and the shells' completions know what the program knows.

The program is the one named by ECHPROXY; what it can do is what its --help says.
"""

import os
import re
import subprocess
import tempfile
import unittest

import shells

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMPLETIONS = os.path.join(ROOT, "packaging", "completions", "echproxy.")
SHELLS = {"bash": shells.bash, "fish": shells.fish, "zsh": shells.zsh}
PROGRAM = os.environ["ECHPROXY"]
ON_THE_LINE_ONLY = {"config", "help"}


def path_of(*parts):
    return os.path.normpath(os.path.join(ROOT, *parts))


def text_of(*parts):
    with open(path_of(*parts), encoding="utf-8") as file:
        return file.read()


def help_of(*command):
    return subprocess.run(
        (PROGRAM,) + command + ("--help",),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def commands():
    usage = help_of().split("\n\n")[0]
    return ["run"] + re.findall(r"^ +echproxy ([a-z]+)", usage, re.M)


def options_of(command):
    """The long options of a command, each with its letter or ''."""
    found = re.findall(r"^  (?:-(\w), )?--([a-z-]+)", help_of(command), re.M)
    return {name: letter for letter, name in found}


def sections_of(page):
    """The text of each subsection of a man page, by its name."""
    parts = re.split(r"^\.S([hs]) (.*)\n", text_of("docs", "man", page), flags=re.M)
    return {
        name: body for kind, name, body in zip(*[iter(parts[1:])] * 3)
    }


def keys_of(section):
    return re.findall(r"^\.It Ic ([a-z-]+) No =", section, re.M)


class ManPages(unittest.TestCase):
    def test_are_clean(self):
        for page in "echproxy.1", "echproxy.conf.5":
            path = path_of("docs", "man", page)
            lint = subprocess.run(
                ("mandoc", "-Tlint", "-Wwarning", path),
                capture_output=True,
                text=True,
            )
            self.assertEqual((lint.returncode, lint.stdout), (0, ""))
            shown = subprocess.run(
                ("man", "--warnings", "-l", path),
                env=dict(os.environ, MANWIDTH="80", MANROFFSEQ="", LC_ALL="C.UTF-8"),
                capture_output=True,
                text=True,
            )
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))

    def test_have_the_programs_commands(self):
        page = text_of("docs", "man", "echproxy.1")
        synopsis = page.split(".Sh DESCRIPTION")[0]
        described = page.split(".Sh COMMANDS")[1].split("\n.Sh ")[0]
        for names in (
            re.findall(r"^(?:\.Op |\.)Cm ([a-z]+)$", synopsis, re.M),
            re.findall(r"^\.Ss (.*)$", described, re.M),
        ):
            self.assertEqual(sorted(names), sorted(commands()))

    def test_have_the_programs_options(self):
        sections = sections_of("echproxy.1")
        for command in commands():
            named = re.findall(r"\bFl \\-([a-z-]+)", sections[command])
            self.assertEqual(set(named), set(options_of(command)), command)

    def test_have_the_programs_letters(self):
        sections = sections_of("echproxy.1")
        letters = re.findall(
            r"^\.It Fl (\w) , Fl \\-([a-z-]+)", sections["run"], re.M
        )
        wanted = options_of("run").items()
        self.assertEqual(
            {name: letter for letter, name in letters},
            {name: letter for name, letter in wanted if letter},
        )

    def test_have_the_programs_exit_codes(self):
        described = sections_of("echproxy.1")["EXIT STATUS"]
        codes = set(re.findall(r"^\.It (\d+)$", described, re.M))
        for command in commands():
            said = help_of(command).split("It exits")
            for code in re.findall(r"\b\d+\b", "".join(said[1:]).split("\n\n")[0]):
                self.assertIn(code, codes, command)

    def test_have_the_files_keys(self):
        sections = sections_of("echproxy.conf.5")
        keys = keys_of(sections["[proxy]"]) + keys_of(sections["[resolver]"])
        wanted = set(options_of("run")) - ON_THE_LINE_ONLY
        self.assertEqual(sorted(keys), sorted(wanted))

    def test_have_the_keys_of_the_documentation(self):
        sections = sections_of("echproxy.conf.5")
        parts = re.split(r"^## ", text_of("docs", "CONFIGURATION.md"), flags=re.M)
        tables = {
            part.split("\n")[0]: re.findall(r"^\| `([a-z-]+)` \|", part, re.M)
            for part in parts[1:]
            if part.startswith("[")
        }
        for title, keys in tables.items():
            name = title.replace('"', r"\(dq")
            self.assertEqual(sorted(keys_of(sections[name])), sorted(keys), title)

    def test_have_keys_in_the_sections_where_the_program_has_them(self):
        for name, text in sections_of("echproxy.conf.5").items():
            section = name.replace(r"\(dqPATTERN\(dq", '"a.example"')
            for key in keys_of(text):
                self.assertTrue(knows_key(section, key), (section, key))
        self.assertFalse(knows_key("[proxy]", "nonsense"))
        self.assertFalse(knows_key('[site "a.example"]', "listen"))


def knows_key(section, key):
    """Whether the program finds nothing worse in it than its empty value."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("{}\n{} =\n".format(section, key))
        file.flush()
        said = subprocess.run(
            (PROGRAM, "check", "a.example", "--config", file.name),
            capture_output=True,
            text=True,
        )
    assert said.returncode == 78, said
    return "has no key" not in said.stderr


class Completions(unittest.TestCase):
    def test_have_the_programs_commands(self):
        for name, offer in SHELLS.items():
            offered = offer(COMPLETIONS + name, "")
            self.assertEqual(offered, set(commands()), name)

    def test_have_the_programs_options(self):
        for name, offer in SHELLS.items():
            for command in commands():
                offered = offer(COMPLETIONS + name, command, "--")
                wanted = {"--" + option for option in options_of(command)}
                self.assertEqual(offered, wanted, (name, command))

    def test_take_run_for_the_command_that_is_left_out(self):
        wanted = {"--" + option for option in options_of("run")}
        for name, offer in SHELLS.items():
            offered = offer(COMPLETIONS + name, "--")
            self.assertEqual(offered, wanted | {"--version"}, name)

    def test_have_values_of_which_the_help_tells(self):
        for command, option in (
            ("run", "--mode"),
            ("check", "--mode"),
            ("run", "--log-format"),
            ("keygen", "--format"),
            ("publish", "--format"),
            ("keygen", "--kem"),
        ):
            told = re.findall(r"[a-z0-9]+", help_of(command))
            offers = [
                offer(COMPLETIONS + name, command, option, "")
                for name, offer in SHELLS.items()
            ]
            self.assertEqual(offers, [offers[0]] * 3)
            self.assertGreaterEqual(len(offers[0]), 2)
            self.assertLessEqual(offers[0], set(told), (command, option))


if __name__ == "__main__":
    unittest.main()
