"""Prometheus accepts what the proxy counts, and the dashboard for Grafana and the
documentation speak of what there is.

PRINT_METRICS is a program that prints what /metrics answers.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.normpath(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
)
METRICS = subprocess.run(
    (os.environ["PRINT_METRICS"],), check=True, capture_output=True, text=True
).stdout


def text_of(*parts):
    with open(os.path.join(ROOT, *parts), encoding="utf-8") as file:
        return file.read()


def promtool(*command, stdin=""):
    said = subprocess.run(
        ("promtool",) + command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return said.returncode, said.stdout


def samples():
    """The series that there are: each name, with its labels."""
    found = {}
    for line in METRICS.splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? \S+$", line).groups()
            pairs = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or ""))
            found.setdefault(name, []).append(pairs)
    return found


def dashboard():
    return json.loads(text_of("packaging", "grafana", "echproxy.json"))


def queries():
    return [
        target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]
    ]


def as_prometheus_has_it(query):
    """A query with a value for each of Grafana's variables."""
    query = re.sub(r"\$__(rate_interval|range)\b", "5m", query)
    return query.replace("$instance", ".*")


class Metrics(unittest.TestCase):
    def test_are_what_prometheus_wants(self):
        self.assertEqual(promtool("check", "metrics", stdin=METRICS), (0, ""))

    def test_have_no_label_for_a_site(self):
        labels = {name for rows in samples().values() for row in rows for name in row}
        self.assertEqual(labels, {"verdict", "reason", "le", "version", "boringssl"})

    def test_are_those_of_the_documentation(self):
        listed = re.findall(r"^\| `(echproxy_\w+)", text_of("docs", "STATUS.md"), re.M)
        typed = re.findall(r"^# TYPE (\w+) ", METRICS, re.M)
        self.assertEqual(sorted(listed), sorted(typed))


class Dashboard(unittest.TestCase):
    def test_asks_for_metrics_that_exist(self):
        found = samples()
        asked = {name for query in queries() for name in re.findall(r"echproxy_\w+", query)}
        self.assertGreater(len(asked), 10)
        self.assertEqual(asked - set(found), set())

    def test_asks_for_labels_that_exist(self):
        found = samples()
        for query in queries():
            for name, matchers in re.findall(r"(echproxy_\w+)\{([^}]*)\}", query):
                for label, regex in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
                    if label == "instance":  # which Prometheus adds
                        continue
                    for value in regex.split("|"):
                        values = [row.get(label) for row in found[name]]
                        self.assertIn(value, values, query)

    def test_groups_by_labels_that_exist(self):
        found = samples()
        for query in queries():
            for label, name in re.findall(r"by \((\w+)\) \(\w+\((\w+)", query):
                self.assertIn(label, found[name][0], query)

    def test_queries_are_ones_that_prometheus_understands(self):
        rules = [
            {"record": "query:%d" % number, "expr": as_prometheus_has_it(query)}
            for number, query in enumerate(queries())
        ]
        # JSON is YAML too.
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            json.dump({"groups": [{"name": "queries", "rules": rules}]}, file)
            file.flush()
            code, said = promtool("check", "rules", file.name)
        self.assertEqual(code, 0, said)
        self.assertIn("%d rules found" % len(rules), said)

    def test_panels_stand_beside_each_other(self):
        taken = {}
        for panel in dashboard()["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((x, y), taken, panel["title"])
                    taken[x, y] = panel["title"]
        ids = [panel["id"] for panel in dashboard()["panels"]]
        self.assertEqual(len(ids), len(set(ids)))


class Documentation(unittest.TestCase):
    def test_has_a_configuration_that_prometheus_takes(self):
        block = re.search(
            r"^    scrape_configs:\n(?:    .*\n|\n)+", text_of("docs", "STATUS.md"), re.M
        )[0]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            file.write(re.sub(r"^    ", "", block, flags=re.M))
            file.flush()
            code, said = promtool("check", "config", "--syntax-only", file.name)
        self.assertEqual(code, 0, said)
        self.assertIn("is valid prometheus config file", said)


if __name__ == "__main__":
    unittest.main()
