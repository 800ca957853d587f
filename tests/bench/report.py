"""The report of a run: Markdown for people, JSON for programs."""

import json

from measuring import ratio
from peers import PEERS

BUSY_LOAD = 0.5  # from there on others take a part of the cores that tells


def write(out, run, scenarios, results, verdicts, images):
    (out / "report.md").write_text(markdown(run, scenarios, results, verdicts, images))
    (out / "report.json").write_text(
        json.dumps(as_json(run, results, verdicts), indent=1) + "\n"
    )


def as_json(run, results, verdicts):
    return {
        "run": run,
        "targets": [
            {
                "target": one.target.text,
                "measured": one.measured,
                "sense": one.target.sense,
                "limit": one.limit,
                "unit": one.target.unit,
                "met": one.met,
            }
            for one in verdicts
        ],
        "scenarios": results.as_json(),
        "series": results.series,
    }


def number(value):
    """Three digits or so, whatever the size."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |"]
    lines.append("|" + "---|" * len(header))
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def target_row(verdict):
    unit = verdict.target.unit
    space = "" if unit in ("×", "%", "") else " "
    limit = f"{verdict.target.sense} {number(verdict.limit)}{space}{unit}"
    measured = "-"
    if verdict.measured is not None:
        measured = f"{number(verdict.measured)}{space}{unit}"
    return [verdict.target.text, limit, measured, verdict.word]


def targets_table(verdicts):
    header = ["what", "target", "measured", "met?"]
    return table(header, [target_row(one) for one in verdicts])


def targets_text(verdicts):
    """The same for a terminal, with what was not measured left out."""
    measured = [one for one in verdicts if one.met is not None]
    rows = [target_row(one) for one in measured]
    if not rows:
        return "No target was measured."
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]
    num_met = sum(one.met for one in measured)
    return "\n".join([*lines, "", f"{num_met} of {len(measured)} targets met."])


def markdown(run, scenarios, results, verdicts, images):
    parts = [
        "# Bench",
        about(run),
        "## Targets",
        f"The factors for {run['boringssl_kind']} BoringSSL. A target that was "
        "not measured is marked so, never passed.",
        targets_table(verdicts),
    ]
    if results.failures:
        parts += ["## Failed", failures_table(results)]
    for scenario in scenarios:
        parts += scenario_parts(scenario, results)
    parts += ["## Peers", peers_table(results), "## Plots"]
    parts += [f"![{title}]({name})" for title, name in images]
    return "\n\n".join(parts) + "\n"


def about(run):
    packages = ", ".join(f"{name} {one}" for name, one in run["packages"].items())
    kind = "quick" if run["quick"] else "full"
    return (
        f"A {kind} run of {run['seconds'] // 60} min {run['seconds'] % 60} s on "
        f"{run['date']}: {run['cores']} cores of {run['cpu']}, Linux "
        f"{run['kernel']}. {run['echproxy']} and the floor with "
        f"{run['boringssl']}; groups: {run['groups']}. Peers: {packages}.\n\n"
        f"{quietness(run)}\n\n"
        "Medians of the rounds. Where not said otherwise the proxy has one core "
        "and the load and the origin have the others. '×' columns are multiples of "
        "the floor's figure in the same run; the floor is a bare relay between two "
        "TLS sessions, without policy or DNS."
    )


def quietness(run):
    load = run["load_before"]
    if load < BUSY_LOAD:
        return f"The machine was quiet before the run (load average {load:.2f})."
    return (
        f"**The machine was busy before the run** (load average {load:.2f}): rates and "
        "latencies, and the targets that depend on them, say little."
    )


def failures_table(results):
    rows = [
        [scenario, title(peer), reason.replace("|", "/")]
        for (scenario, peer), reason in results.failures.items()
    ]
    return table(["scenario", "peer", "reason"], rows)


def title(peer):
    return PEERS[peer].title


def scenario_parts(scenario, results):
    if scenario.steps:
        parts = stepped_table(scenario, results)
        return [f"## {scenario.title} (`{scenario.key}`)", scenario.note, parts]
    columns = [
        (figure, heading)
        for figure, heading in scenario.columns
        if any(
            results.value(scenario.key, peer, figure) is not None
            for peer in results.peers[scenario.key]
        )
    ]
    header = ["peer", *headings(scenario, columns)]
    rows = [
        peer_row(scenario, results, peer, columns, len(header))
        for peer in results.peers[scenario.key]
    ]
    parts = [f"## {scenario.title} (`{scenario.key}`)"]
    if scenario.note:
        parts.append(scenario.note)
    return [*parts, table(header, rows)]


def stepped_table(scenario, results):
    header = ["peer", scenario.step_heading]
    header += [heading for _, heading in scenario.columns]
    rows = []
    for peer in results.peers[scenario.key]:
        reason = results.failures.get((scenario.key, peer))
        if reason:
            rows.append([title(peer), f"failed: {reason}"])
        for step in scenario.steps:
            values = [
                results.value(scenario.key, peer, f"{figure}_{step}")
                for figure, _ in scenario.columns
            ]
            if any(value is not None for value in values):
                rows.append([title(peer), f"{step:,}", *map(number, values)])
    width = len(header)
    return table(header, [row + [""] * (width - len(row)) for row in rows])


def headings(scenario, columns):
    for figure, heading in columns:
        yield heading
        if scenario.direct:
            yield f"{heading} added"
        if figure in scenario.ratios:
            yield "× floor"


def peer_row(scenario, results, peer, columns, width):
    if (scenario.key, peer) in results.failures:
        reason = results.failures[scenario.key, peer].replace("|", "/")
        return [title(peer), f"failed: {reason}", *[""] * (width - 2)]
    row = [title(peer)]
    for figure, _ in columns:
        value = results.value(scenario.key, peer, figure)
        row.append(number(value))
        if scenario.direct:
            row.append(number(added(scenario, results, value, figure)))
        if figure in scenario.ratios:
            floor = results.value(scenario.key, scenario.floor, figure)
            row.append(number(ratio(value, floor)))
    return row


def added(scenario, results, value, figure):
    direct = results.value(scenario.key, scenario.direct, figure)
    return None if value is None or direct is None else value - direct


def peers_table(results):
    keys = {peer for peers in results.peers.values() for peer in peers}
    rows = [
        [one.title, "yes" if one.ech else "no", one.note or "-"]
        for key, one in PEERS.items()
        if key in keys
    ]
    return table(["peer", "ECH", "what it does, where that differs"], rows)
