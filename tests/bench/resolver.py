"""The resolver of a bench: unbound, over HTTPS, with the records of every site."""

import shutil

from processes import Trouble, answers, find, free_port

MAX_SITES = 10_000
# Long, so that no measurement has a refresh in it.
TTL = 86_400

CONF = """server:
  interface: 127.0.0.1@{port}
  https-port: {port}
  tls-service-key: "{certificates}/resolver.key"
  tls-service-pem: "{certificates}/resolver.crt"
  do-daemonize: no
  use-syslog: no
  num-threads: 1
  incoming-num-tcp: 100
  username: ""
  chroot: ""
  directory: ""
  pidfile: ""
  local-zone: "bench.test." static
  include: "{zone}"
remote-control:
  control-enable: no
"""


def zone_lines(ports, ech_config, num_sites):
    """Records of site-N.bench.test, with ECH at every one of `ports`, and of
    blind-N.bench.test, without."""
    yield f"bench.test. {TTL} IN SOA bench.test. bench.test. 1 {TTL} {TTL} {TTL} {TTL}"
    for number in range(num_sites):
        site = f"site-{number}.bench.test."
        yield f"{site} {TTL} IN A 127.0.0.1"
        for port in ports:
            # RFC 9460, section 9.1: the name at another port than 443.
            yield (
                f"_{port}._https.{site} {TTL} IN HTTPS "
                f"1 {site} alpn=h2,http/1.1 ech={ech_config}"
            )
    yield f"public.bench.test. {TTL} IN A 127.0.0.1"
    for number in range(100):
        yield f"blind-{number}.bench.test. {TTL} IN A 127.0.0.1"


def start_resolver(children, certificates, ports, ech_config, cpus):
    """Starts unbound and returns its port. It is run from a copy, because
    Debian's AppArmor profile keeps the one in /usr/sbin from reading our
    files."""
    directory = children.directory
    zone = directory / "zone.conf"
    with open(zone, "w") as out:
        for line in zone_lines(ports, ech_config, MAX_SITES):
            out.write(f"local-data: '{line}'\n")
    unbound = shutil.copy(find("unbound"), directory / "unbound")
    for _ in range(3):
        port = free_port()
        config = directory / "unbound.conf"
        config.write_text(
            CONF.format(port=port, certificates=certificates.directory, zone=zone)
        )
        child = children.start(
            "unbound", unbound, "-d", "-p", "-c", config, cpus=cpus
        )
        if answers(child, port):
            return port
    raise Trouble(f"unbound did not start: {child.last_words()}")


def write_hosts(path):
    """Writes the names for peers that ask no resolver of ours."""
    with open(path, "w") as out:
        for number in range(MAX_SITES):
            out.write(f"127.0.0.1 site-{number}.bench.test\n")
        for number in range(100):
            out.write(f"127.0.0.1 blind-{number}.bench.test\n")
    return path
