"""Everything that is measured: echproxy, the floor, and what people could run
instead. Each keeps its files in a directory of its own below the bench's."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass, field

import peer_configs
from processes import Child, Trouble, answers, find, free_port, listening_port, run

NSS_WRAPPER = "libnss_wrapper.so"


@dataclass
class Running:
    """A peer that can be used: where it listens, per origin, and its process
    (None for none at all)."""

    child: Child | None
    ports: dict[str, int]


@dataclass(frozen=True)
class Peer:
    """`how` is how bench_load speaks to it: --proxy (CONNECT), --forward (TLS or
    bytes to a fixed destination), --direct (no peer at all). A peer that is
    `per_origin` is a process for each origin."""

    key: str
    title: str
    start: object = field(repr=False)
    how: str = "proxy"
    per_origin: bool = False
    blind: bool = False
    ech: bool = False
    tls12: bool = False
    note: str = ""
    options: tuple = ()


def start_echproxy(stage, peer, directory, origins, cpus):
    child = Child(
        peer.key,
        (
            stage.echproxy, "run", "--listen", "127.0.0.1:0",
            "--state-dir", directory / "state", "--quiet",
            "--resolver", f"https://127.0.0.1:{stage.resolver_port}/dns-query",
            "--resolver-ca", stage.certificates.root,
            "--upstream-ca", stage.certificates.root,
            *stage.worker_options(peer),
        ),
        directory,
        cpus,
        # No configuration file of the user's.
        env={"XDG_CONFIG_HOME": str(directory), "HOME": str(directory)},
        output=subprocess.PIPE,
    )  # fmt: skip
    return Running(child, dict.fromkeys(origins, listening_port(child)))


def start_floor(stage, peer, directory, origins, cpus):
    (name,) = origins
    certificates = stage.certificates
    options = list(peer.options)
    if not peer.blind:
        options += stage.groups
        options += ["--cert", certificates.chain, "--key", certificates.leaf]
        options += ["--ca", certificates.root]
    if stage.origins[name].tickets:
        options.append("--resume")
    if peer.ech:
        options += ["--ech", stage.ech_config]
    child = Child(
        f"{peer.key}-{name}",
        (
            stage.tool("bench_floor"), "--listen", "127.0.0.1:0",
            "--to", f"127.0.0.1:{stage.origins[name].port}", *options,
        ),
        directory,
        cpus,
        output=subprocess.PIPE,
    )  # fmt: skip
    return Running(child, dict.fromkeys(origins, listening_port(child)))


def start_squid(stage, peer, directory, origins, cpus):
    # As root, squid becomes this user for everything but its own start.
    owner = "proxy" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    run(
        "/usr/lib/squid/security_file_certgen",
        "-c", "-s", directory / "certificates", "-M", "64MB",
    )  # fmt: skip
    own(directory, owner)

    def make(ports):
        config = directory / "squid.conf"
        config.write_text(
            peer_configs.SQUID.format(
                port=ports[0],
                directory=directory,
                bump=peer_configs.SQUID_BUMP[peer.key],
                minter=stage.certificates.path("minter.crt"),
                minter_key=stage.certificates.path("minter.key"),
                root=stage.certificates.root,
                hosts=stage.hosts,
            )
        )
        return find("squid"), "-N", "-f", config

    return start_on_free_ports(peer, directory, origins, cpus, 1, make)


def start_mitmproxy(stage, peer, directory, origins, cpus):
    minter = stage.certificates.path("minter.key").read_text()
    minter += stage.certificates.path("minter.crt").read_text()
    (directory / "mitmproxy-ca.pem").write_text(minter)

    def make(ports):
        return (
            "/usr/bin/mitmdump", "--quiet", "--listen-host", "127.0.0.1",
            "--listen-port", ports[0], "--set", f"confdir={directory}",
            "--set", f"ssl_verify_upstream_trusted_ca={stage.certificates.root}",
            "--set", "stream_large_bodies=64k",
        )  # fmt: skip

    return start_on_free_ports(
        peer, directory, origins, cpus, 1, make, env=hosts_environment(stage)
    )


def start_privoxy(stage, peer, directory, origins, cpus):
    (directory / "certificates").mkdir()
    for name in ("rsa-minter.crt", "rsa-minter.key"):
        shutil.copy(stage.certificates.path(name), directory)
    (directory / "inspect.action").write_text(peer_configs.PRIVOXY_ACTION)
    # A copy, because of Debian's AppArmor profile for the one in /usr/sbin.
    program = shutil.copy(find("privoxy"), directory)

    def make(ports):
        config = directory / "config"
        config.write_text(
            peer_configs.PRIVOXY.format(
                port=ports[0], directory=directory, root=stage.certificates.root
            )
        )
        return program, "--no-daemon", config

    return start_on_free_ports(
        peer, directory, origins, cpus, 1, make, env=hosts_environment(stage)
    )


def start_tinyproxy(stage, peer, directory, origins, cpus):
    program = shutil.copy(find("tinyproxy"), directory)

    def make(ports):
        config = directory / "tinyproxy.conf"
        config.write_text(
            peer_configs.TINYPROXY.format(port=ports[0], directory=directory)
        )
        return program, "-d", "-c", config

    return start_on_free_ports(
        peer, directory, origins, cpus, 1, make, env=hosts_environment(stage)
    )


def start_haproxy(stage, peer, directory, origins, cpus):
    section = peer_configs.HAPROXY_BLIND if peer.blind else peer_configs.HAPROXY_TLS

    def make(ports):
        config = directory / "haproxy.cfg"
        text = peer_configs.HAPROXY
        for name, port in zip(origins, ports):
            text += section.format(
                name=name,
                port=port,
                bundle=stage.certificates.bundle,
                origin=stage.origins[name].port,
                root=stage.certificates.root,
            )
        config.write_text(text)
        return find("haproxy"), "-db", "-f", config

    return start_on_free_ports(peer, directory, origins, cpus, len(origins), make)


def start_nginx(stage, peer, directory, origins, cpus):
    def make(ports):
        servers = "".join(
            peer_configs.NGINX_SERVER.format(
                port=port, origin=stage.origins[name].port
            )
            for name, port in zip(origins, ports)
        )
        config = directory / "nginx.conf"
        config.write_text(
            peer_configs.NGINX.format(
                directory=directory,
                chain=stage.certificates.chain,
                key=stage.certificates.leaf,
                root=stage.certificates.root,
                servers=servers,
            )
        )
        return find("nginx"), "-p", directory, "-c", config

    return start_on_free_ports(peer, directory, origins, cpus, len(origins), make)


def start_nothing(stage, peer, directory, origins, cpus):
    return Running(None, {name: stage.origins[name].port for name in origins})


def start_on_free_ports(peer, directory, origins, cpus, num_ports, make, env=None):
    """Starts a program that cannot choose a free port itself: another one may
    take the port in between, so it has three tries."""
    for _ in range(3):
        ports = [free_port() for _ in range(num_ports)]
        child = Child(peer.key, make(ports), directory, cpus, env)
        if all(answers(child, port) for port in ports):
            one = dict.fromkeys(origins, ports[0])
            return Running(child, dict(zip(origins, ports)) if num_ports > 1 else one)
        child.stop()
    raise Trouble(f"did not start: {child.last_words()}")


def hosts_environment(stage):
    """For programs that ask the system for addresses and have no setting of
    their own: the names of the bench, without a change to /etc/hosts."""
    return {
        "LD_PRELOAD": NSS_WRAPPER,
        "NSS_WRAPPER_HOSTS": str(stage.hosts),
        "NSS_WRAPPER_MAX_HOSTENTS": "30000",
    }


def own(directory, owner):
    for root, _, files in os.walk(directory):
        shutil.chown(root, owner)
        for name in files:
            shutil.chown(os.path.join(root, name), owner)


NO_ECH = "no ECH: the name goes out in the clear"
FIXED = "one fixed destination, no CONNECT; " + NO_ECH

PEERS = {
    peer.key: peer
    for peer in (
        Peer("echproxy", "echproxy", start_echproxy, ech=True),
        Peer(
            "echproxy-2", "echproxy, two workers", start_echproxy, ech=True,
            options=("--workers", "2"),
        ),
        Peer(
            "floor", "floor", start_floor, per_origin=True, options=("--verify",),
            note="verifies the origin's chain each time; " + NO_ECH,
        ),
        Peer(
            "floor-trusting", "floor, no verification", start_floor,
            per_origin=True, options=("--no-verify",),
            note="verifies no chain; " + NO_ECH,
        ),
        Peer(
            "floor-ech", "floor with ECH", start_floor, per_origin=True, ech=True,
            options=("--verify",), note="verifies the origin's chain each time",
        ),
        Peer(
            "squid-pool", "squid, pooling", start_squid,
            note="requests of all clients share origin connections; " + NO_ECH,
        ),
        Peer(
            "squid-peek", "squid, peek", start_squid,
            note="one origin connection each, as we do; " + NO_ECH,
        ),
        Peer("mitmproxy", "mitmproxy", start_mitmproxy, note=NO_ECH),
        Peer(
            "privoxy", "privoxy", start_privoxy, tls12=True,
            note="TLS 1.2, RSA, as its package has it; " + NO_ECH,
        ),
        Peer("haproxy", "haproxy", start_haproxy, how="forward", note=FIXED),
        Peer("nginx", "nginx", start_nginx, how="forward", note=FIXED),
        Peer("echproxy-blind", "echproxy, blind", start_echproxy, blind=True),
        Peer(
            "floor-blind", "floor, blind", start_floor, per_origin=True, blind=True,
            options=("--blind",),
        ),
        Peer("tinyproxy", "tinyproxy", start_tinyproxy, blind=True),
        Peer(
            "haproxy-blind", "haproxy, blind", start_haproxy, how="forward",
            blind=True, note="one fixed destination, no CONNECT",
        ),
        Peer("direct", "no proxy", start_nothing, how="direct", ech=True),
        Peer("direct-clear", "no proxy, no ECH", start_nothing, how="direct"),
        Peer(
            "direct-plain", "no proxy, no TLS", start_nothing, how="direct",
            blind=True,
        ),
    )
}  # fmt: skip
