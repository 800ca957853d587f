"""The plots of a run: PNG files, 900 pixels wide, in colours that people with
any kind of colour vision can tell apart (Okabe and Ito's)."""

import matplotlib

matplotlib.use("Agg")  # no display
# pylint: disable=wrong-import-position
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

from growth import COUNTS
from holding import COUNTS as COUNTS_HELD
from peers import PEERS
from report import number
from speed import CONCURRENCIES

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, RED, GREY, BLACK = "#56B4E9", "#D55E00", "#777777", "#000000"
OLIVE = "#999933"  # in place of their yellow, which is faint on white
STYLES = {
    "echproxy": (BLUE, "o"),
    "floor": (BLACK, "x"),
    "floor-trusting": (GREY, "+"),
    "floor-ech": (GREY, "d"),
    "squid-pool": (ORANGE, "s"),
    "squid-peek": (RED, "D"),
    "mitmproxy": (GREEN, "^"),
    "privoxy": (PURPLE, "v"),
    "haproxy": (SKY, "P"),
    "nginx": (OLIVE, "X"),
}
FLOOR = "floor, a bare relay"
WIDTH = 9.0  # inches, of 100 pixels
LOG_FROM = 12  # times between the smallest and the largest: a log axis

plt.rcParams.update(
    {
        "font.size": 10.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "legend.frameon": False,
        "figure.constrained_layout.w_pad": 0.1,
        "figure.constrained_layout.h_pad": 0.08,
    }
)


def draw_all(results, out):
    """Draws what there are figures for. Returns (title, file name) of each."""
    drawn = []
    for draw in (
        cpu_per_connection, rate, cpu_per_gib, latency, memory, sites, soak,
    ):  # fmt: skip
        plot = draw(results)
        if plot is None:
            continue
        figure, title = plot
        name = draw.__name__.replace("_", "-") + ".png"
        figure.savefig(out / name, dpi=100)
        plt.close(figure)
        drawn.append((title, name))
    return drawn


def new_figure(height, rows=1, **options):
    return plt.subplots(
        rows, figsize=(WIDTH, height), constrained_layout=True, **options
    )


def values_of(results, peers, scenario, figure):
    """(peer, value) of those that have one."""
    pairs = ((peer, results.value(scenario, peer, figure)) for peer in peers)
    return [(peer, value) for peer, value in pairs if value is not None]


def ordered(results, series, scenario_peers):
    """The peers that have a figure in any of the series, best first."""
    best = {}
    for _, scenario, figure in series:
        for peer, value in values_of(results, scenario_peers, scenario, figure):
            best.setdefault(peer, value)
    return sorted(best, key=best.get, reverse=True)


def bars(axes, results, series, peers, floor, unit):
    """Horizontal bars, a group for each peer, a bar for each of `series` (label,
    scenario, figure), and a line at the floor's figure of the first."""
    peers = ordered(results, series, peers)
    colors = (BLUE, ORANGE, GREEN, PURPLE)
    thick = 0.8 / len(series)
    seen = []
    for at, (label, scenario, figure) in enumerate(series):
        pairs = values_of(results, peers, scenario, figure)
        places = [peers.index(peer) + 0.4 - thick * (at + 0.5) for peer, _ in pairs]
        shown = [value for _, value in pairs]
        drawn = axes.barh(places, shown, thick * 0.92, color=colors[at], label=label)
        axes.bar_label(
            drawn, [number(value) for value in shown], padding=3, fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
        seen += shown
    logarithmic = scale_axis(axes, seen)
    floor_value = results.value(series[0][1], floor, series[0][2])
    if floor_value:
        axes.axvline(floor_value, color=BLACK, linestyle="--", linewidth=1)
    axes.set_yticks(range(len(peers)), [PEERS[peer].title for peer in peers])
    for label, peer in zip(axes.get_yticklabels(), peers):
        if peer.startswith("echproxy"):
            label.set_fontweight("bold")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(unit + (", logarithmic" if logarithmic else ""))
    if len(series) > 1:
        axes.legend(loc="upper right")


def scale_axis(axes, seen):
    seen = [value for value in seen if value > 0]
    if not seen:
        return False
    if max(seen) / min(seen) < LOG_FROM:
        axes.set_xlim(0, max(seen) * 1.12)
        return False
    axes.set_xscale("log")
    axes.set_xlim(min(seen) * 0.6, max(seen) * 2)
    log_ticks(axes)
    return True


def plain_ticks(axis):
    """Numbers in place of powers of ten."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())


def height_for(num_peers, num_series):
    return 1.2 + num_peers * (0.16 + 0.24 * num_series)


def cpu_per_connection(results):
    title = "CPU of the proxy per new connection"
    series = [
        ("both handshakes full", "connect", "cpu_us"),
        ("the origin's side resumed", "resumed", "cpu_us"),
    ]
    series = [one for one in series if results.peers[one[1]]]
    peers = list(dict.fromkeys(p for one in series for p in results.peers[one[1]]))
    if not ordered(results, series, peers):
        return None
    figure, axes = new_figure(height_for(len(peers), len(series)))
    bars(axes, results, series, peers, "floor", "µs per connection")
    axes.set_title(f"{title}, less is better (dashed: {FLOOR})")
    return figure, title


def cpu_per_gib(results):
    title = "CPU of the proxy per GiB"
    panels = []
    for prefix, floor, heading in (
        ("", "floor", "intercepted"),
        ("blind-", "floor-blind", "blind tunnel"),
    ):
        series = [
            (f"{mode}, one connection", f"{prefix}{mode}-1", "cpu_s_per_gib")
            for mode in ("download", "upload")
        ]
        peers = results.peers[f"{prefix}download-1"] or results.peers[f"{prefix}upload-1"]
        if ordered(results, series, peers):
            panels.append((series, peers, floor, heading))
    if not panels:
        return None
    ratios = [len(peers) + 1 for _, peers, _, _ in panels]
    figure, all_axes = new_figure(
        sum(height_for(len(peers), 2) for _, peers, _, _ in panels),
        len(panels), squeeze=False, gridspec_kw={"height_ratios": ratios},
    )  # fmt: skip
    for axes, (series, peers, floor, heading) in zip(all_axes[:, 0], panels):
        bars(axes, results, series, peers, floor, "CPU seconds per GiB")
        axes.set_title(
            f"{title}, {heading}, less is better (dashed: floor, download)"
        )
    return figure, title


def latency(results):
    title = "Latency"
    panels = []
    for scenario, heading in (
        ("first-byte", "First byte of a new fetch"),
        ("request", "A kept-alive request of 1 KiB"),
    ):
        pairs = values_of(results, results.peers[scenario], scenario, "p50_us")
        peers = [peer for peer, _ in pairs]
        if peers:
            panels.append((scenario, heading, peers))
    if not panels:
        return None
    figure, all_axes = new_figure(
        sum(1.3 + 0.32 * len(peers) for _, _, peers in panels), len(panels),
        squeeze=False,
        gridspec_kw={"height_ratios": [len(peers) + 1 for _, _, peers in panels]},
    )  # fmt: skip
    for axes, (scenario, heading, peers) in zip(all_axes[:, 0], panels):
        dots(axes, results, scenario, peers)
        axes.set_title(f"{heading}, less is better (dashed: {FLOOR}, p50)")
    return figure, title


def dots(axes, results, scenario, peers):
    """A line for each peer from its median to its slow tail."""
    peers = sorted(
        peers, key=lambda peer: results.value(scenario, peer, "p50_us"), reverse=True
    )
    marks = (
        ("p50_us", "p50", BLUE, "o"),
        ("p99_us", "p99", ORANGE, "D"),
        ("p999_us", "p99.9", RED, "|"),
    )
    for at, peer in enumerate(peers):
        row = [results.value(scenario, peer, figure) for figure, *_ in marks]
        axes.plot([row[0], row[-1]], [at, at], color="#bbbbbb", linewidth=1.5, zorder=1)
        for value, (_, label, color, mark) in zip(row, marks):
            axes.scatter(
                value, at, color=color, marker=mark, s=55, zorder=2,
                label=label if at == 0 else None,
            )  # fmt: skip
    floor = results.value(scenario, "floor", "p50_us")
    if floor:
        axes.axvline(floor, color=BLACK, linestyle="--", linewidth=1)
    axes.set_xscale("log")
    log_ticks(axes)
    axes.set_yticks(range(len(peers)), [PEERS[peer].title for peer in peers])
    for label, peer in zip(axes.get_yticklabels(), peers):
        if peer == "echproxy":
            label.set_fontweight("bold")
    axes.grid(axis="y", visible=False)
    axes.set_xlabel("µs, logarithmic")
    axes.legend(loc="upper right", ncol=3)
    axes.set_ylim(-0.6, len(peers) + 0.2)


def log_ticks(axes):
    axes.xaxis.set_major_locator(
        matplotlib.ticker.LogLocator(base=10, subs=(1, 2, 5), numticks=20)
    )
    plain_ticks(axes.xaxis)


def memory(results):
    title = "Memory per idle tunnel"
    series = [
        (f"{count:,} tunnels", f"idle-{count}", "kib") for count in COUNTS_HELD
    ]
    peers = list(dict.fromkeys(p for one in series for p in results.peers[one[1]]))
    series = [one for one in series if values_of(results, peers, *one[1:])]
    if not series:
        return None
    figure, axes = new_figure(height_for(len(peers), len(series)))
    bars(axes, results, series, peers, "floor", "KiB of PSS per tunnel")
    axes.set_title(f"{title}, less is better (dashed: {FLOOR}, intercepting)")
    return figure, title


def rate(results):
    title = "New connections per second"
    peers = ordered(
        results, [("", "rate", f"per_s_{CONCURRENCIES[-1]}")], results.peers["rate"]
    )
    if not peers:
        return None
    figure, axes = new_figure(5.2)
    for peer in peers:
        color, mark = STYLES[peer]
        shown = [results.value("rate", peer, f"per_s_{one}") for one in CONCURRENCIES]
        axes.plot(
            range(len(shown)), shown, color=color, marker=mark, label=PEERS[peer].title,
            linewidth=2.5 if peer == "echproxy" else 1.5,
            linestyle="--" if peer.startswith("floor") else "-",
        )  # fmt: skip
    axes.set_xticks(range(len(CONCURRENCIES)), CONCURRENCIES)
    axes.set_xlabel("connections open at a time")
    axes.set_ylabel("new connections per second")
    axes.set_ylim(0)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_title(f"{title}, more is better (proxy on one core)")
    return figure, title


def sites(results):
    title = "Growth with the number of sites"
    peers = [
        peer
        for peer in results.peers["sites"]
        if values_of(results, [peer], "sites", "again_us_10")
    ]
    if not peers:
        return None
    figure, (first, again, pss) = new_figure(8.6, 3, sharex=True)
    growth_lines(first, results, peers, "first_us")
    growth_lines(again, results, peers, "again_us")
    growth_lines(pss, results, peers, "pss_mib")
    first.set_title("CPU of the first connection to each site")
    again.set_title("CPU of a later connection to one of them")
    pss.set_title("Memory of the proxy once all were visited")
    first.set_ylabel("µs, logarithmic")
    again.set_ylabel("µs, logarithmic")
    pss.set_ylabel("MiB of PSS, logarithmic")
    pss.set_xlabel("sites, logarithmic")
    first.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure, title


def growth_lines(axes, results, peers, name):
    for peer in peers:
        points = [
            (count, results.value("sites", peer, f"{name}_{count}")) for count in COUNTS
        ]
        points = [(count, value) for count, value in points if value]
        if not points:
            continue
        color, mark = STYLES[peer]
        axes.plot(
            *zip(*points), color=color, marker=mark, label=PEERS[peer].title,
            linewidth=2.5 if peer == "echproxy" else 1.5,
            linestyle="--" if peer == "floor" else "-",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    plain_ticks(axes.xaxis)
    plain_ticks(axes.yaxis)


def soak(results):
    title = "Memory while tunnels come and go"
    points = results.series.get("soak")
    if not points:
        return None
    figure, axes = new_figure(3.6)
    axes.plot(*zip(*points), color=BLUE, linewidth=2)
    axes.set_ylim(0, max(value for _, value in points) * 1.15)
    axes.set_xlabel("seconds")
    axes.set_ylabel("MiB of PSS")
    axes.set_title(f"{title}: 5,000 held, 10,000 a minute opened and closed")
    return figure, title
