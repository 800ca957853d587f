"""Shows what echproxy hides, with no internet: a site with ECH, a resolver that
publishes its key, the proxy, and an observer on the wire between them.

Exits 0 only if the site's name was hidden from the observer, and in plain sight
in the same fetch without the proxy.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass

import wire
from paint import Painter
from peers import Peers, Trouble, free_port, run
from tap import Recording, Tap

SITE = "private-clinic.example"
PUBLIC_NAME = "cdn.example"
RESOLVER = "127.0.0.1"
MAX_SECONDS = 60


@dataclass
class Fetch:
    """One fetch of the site's page: what curl got, what the observer has."""

    page: str
    recording: Recording
    hello: wire.ClientHello


@dataclass
class Stage:
    """The programs, ready to be used."""

    peers: Peers
    site_tap: Tap
    dns_tap: Tap
    proxy: str
    proxy_ca: str

    @property
    def url(self):
        return f"https://{SITE}:{self.site_tap.port}/"


def main():
    parser = argparse.ArgumentParser(prog="run demo", description=__doc__)
    parser.add_argument("--echproxy", required=True, help=argparse.SUPPRESS)
    echproxy = os.path.abspath(parser.parse_args().echproxy)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(MAX_SECONDS)
    directory = tempfile.mkdtemp(prefix="echproxy-demo-")
    peers = Peers(directory, echproxy)
    try:
        return show(set_stage(peers))
    except Trouble as trouble:
        print(f"The demo could not be shown: {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    finally:
        # Nothing may keep the children alive, neither impatience nor the alarm.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.alarm(0)
        peers.stop()
        shutil.rmtree(directory, ignore_errors=True)


def out_of_time(*_):
    raise Trouble(f"it took longer than {MAX_SECONDS} seconds")


def set_stage(peers):
    peers.make_certificates(SITE, RESOLVER)
    server_port = free_port()
    site_tap = Tap(server_port)
    zone_line = peers.keygen(PUBLIC_NAME, SITE, site_tap.port)
    peers.start_server(SITE, server_port)
    dns_tap = Tap(peers.start_resolver(RESOLVER, SITE, zone_line))
    state = ("--state-dir", peers.path("state"))
    proxy = peers.start_proxy(
        *state,
        "--resolver", f"https://{RESOLVER}:{dns_tap.port}/dns-query",
        "--resolver-ca", peers.path("ca.pem"),
        "--upstream-ca", peers.path("ca.pem"),
    )
    proxy_ca = run(peers.echproxy, "ca", *state).strip()
    return Stage(peers, site_tap, dns_tap, proxy, proxy_ca)


def fetch(stage, *options):
    """Fetches the page with curl and returns it with what the observer saw."""
    num_before = len(stage.site_tap.recordings)
    try:
        page = run(
            "curl", "--disable", "--silent", "--show-error", "--max-time", "15",
            *options, stage.url,
        )
    except Trouble as trouble:
        proxy_log = stage.peers.log_of("echproxy")
        raise Trouble(f"{trouble}\nechproxy's log:\n{proxy_log}") from None
    stage.site_tap.wait_until_quiet()
    seen = stage.site_tap.recordings[num_before:]
    if not seen:
        raise Trouble("nothing went over the wire to the site")
    return Fetch(page, seen[-1], wire.client_hello(seen[-1].up))


def fetch_through_proxy(stage):
    return fetch(
        stage, "--noproxy", "", "--proxy", f"http://{stage.proxy}",
        "--cacert", stage.proxy_ca,
    )


def fetch_directly(stage):
    return fetch(
        stage, "--noproxy", "*", "--cacert", stage.peers.path("ca.pem"),
        "--resolve", f"{SITE}:{stage.site_tap.port}:127.0.0.1",
    )


def show(stage):
    painter = Painter()
    painter.line()
    painter.line("  What echproxy hides, shown on this machine alone", "bold")
    painter.line()
    painter.line(CAST)

    painter.line("  1. Through echproxy", "bold")
    painter.line()
    hidden = fetch_through_proxy(stage)
    painter.columns(
        "WHAT THE BROWSER ASKED FOR",
        "WHAT AN OBSERVER ON THE WIRE SAW",
        rows_through_proxy(stage, hidden),
    )
    painter.line()
    checks = check_hidden(stage, hidden)
    for holds, text in checks:
        painter.verdict(holds, text)
    painter.line()

    painter.line("  2. The same fetch without the proxy", "bold")
    painter.line()
    direct = fetch_directly(stage)
    painter.columns(
        "WHAT THE BROWSER ASKED FOR",
        "WHAT AN OBSERVER ON THE WIRE SAW",
        rows_directly(stage, direct),
    )
    painter.line()
    direct_checks = check_direct(direct)
    for holds, text in direct_checks:
        painter.verdict(holds, text)
    painter.line()
    return conclude(painter, checks, direct_checks)


CAST = """\
  curl ──▶ echproxy ─┬─ observer ──▶ the resolver   unbound, DNS over HTTPS
                     └─ observer ──▶ the site       bssl-tool, TLS 1.3 with ECH
"""


def ech_text(hello):
    if not hello.ech:
        return "none"
    return (
        f"configuration {hello.ech.config_id}, "
        f"{hello.ech.aead}, {hello.ech.payload_len} sealed octets"
    )


def certificate_text(stage, recording):
    der = stage.peers.certificate_der(SITE)
    # A direct hello holds the name, and so does the certificate: only what the
    # server sent tells whether that was readable.
    found = wire.num_pieces_in(der, recording.down)
    if found or wire.shows_certificate(recording.down):
        return f"READABLE: {found} pieces of it stand in the bytes", "bad"
    return f"encrypted by TLS 1.3, all {len(der)} octets of it", "good"


def common_rows(stage, seen):
    certificate, style = certificate_text(stage, seen.recording)
    up, down = seen.recording.up, seen.recording.down
    encrypted = wire.num_encrypted(up) + wire.num_encrypted(down)
    return [
        (
            "version",
            "HTTPS",
            f"offers TLS {', '.join(seen.hello.versions) or '1.2'}",
            "dim",
        ),
        (
            "protocol",
            "HTTP/2 or HTTP/1.1",
            f"ALPN: {', '.join(seen.hello.alpn) or 'none'} (the offer; not the choice)",
            "dim",
        ),
        ("certificate", f"for {SITE}", certificate, style),
        (
            "page",
            f"GET /, answered with {len(seen.page)} octets",
            f"{encrypted} encrypted records, {len(up)} octets up, "
            f"{len(down)} octets down",
            "dim",
        ),
        ("address", "wherever the site is", f"127.0.0.1:{stage.site_tap.port}", "dim"),
    ]


def rows_through_proxy(stage, seen):
    name = seen.hello.server_name or "(none)"
    num_dns = sum(len(record.both) for record in stage.dns_tap.recordings)
    dns_leaks = any(names_site(record) for record in stage.dns_tap.recordings)
    return [
        ("site", SITE, f"server_name: {name}", "bad" if name == SITE else "good"),
        (
            "ECH",
            "nothing: echproxy adds it",
            ech_text(seen.hello),
            "good" if seen.hello.ech else "bad",
        ),
        (
            "DNS",
            f"HTTPS, A, AAAA of {SITE}",
            "THE NAME IS READABLE"
            if dns_leaks
            else f"{num_dns} octets of TLS to the resolver, name not in them",
            "bad" if dns_leaks else "good",
        ),
        *common_rows(stage, seen),
    ]


def rows_directly(stage, seen):
    name = seen.hello.server_name or "(none)"
    return [
        ("site", SITE, f"server_name: {name}", "bad" if name == SITE else None),
        ("ECH", "nothing: curl has none", ech_text(seen.hello), "bad"),
        ("DNS", "not asked: the address was given", "", None),
        *common_rows(stage, seen),
    ]


def names_site(recording):
    """Says whether the site's name, or its telling part, is in the bytes."""
    return SITE.split(".")[0].encode() in recording.both.lower()


def check_hidden(stage, seen):
    recordings = stage.site_tap.recordings + stage.dns_tap.recordings
    num_octets = sum(len(recording.both) for recording in recordings)
    der = stage.peers.certificate_der(SITE)
    leaks_name = any(names_site(recording) for recording in recordings)
    leaks_certificate = any(
        wire.num_pieces_in(der, recording.both) for recording in recordings
    )
    return [
        (
            not leaks_name,
            f"The name {SITE} is nowhere in all {num_octets} octets recorded.",
        ),
        (not leaks_certificate, "Nor is any 16-octet piece of its certificate."),
        (
            seen.hello.server_name == PUBLIC_NAME and seen.hello.ech is not None,
            f"The ClientHello names {PUBLIC_NAME} and carries ECH.",
        ),
        (
            "Encrypted ClientHello: yes" in seen.page,
            'The site itself says: "Encrypted ClientHello: yes".',
        ),
    ]


def check_direct(seen):
    return [
        (
            names_site(seen.recording) and seen.hello.server_name == SITE,
            "The same observer reads the name of the site in the first packet.",
        ),
        (
            "Encrypted ClientHello: no" in seen.page,
            'The site itself says: "Encrypted ClientHello: no".',
        ),
    ]


def conclude(painter, checks, direct_checks):
    if not all(holds for holds, _ in checks):
        painter.paragraph("The name was NOT hidden.", "bad")
        return 1
    if not all(holds for holds, _ in direct_checks):
        painter.paragraph(
            "The direct fetch did not show the name, so this demo proves nothing.",
            "bad",
        )
        return 1
    painter.paragraph(
        "Hidden. TLS 1.3 encrypts the certificate in both cases; the name in the "
        "ClientHello is what only ECH hides. The address and the amount of data "
        "can still be seen."
    )
    painter.line()
    return 0


if __name__ == "__main__":
    sys.exit(main())
