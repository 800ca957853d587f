"""Opens a page in Firefox without a window and prints its document as HTML.

    firefox_page.py WAY CA_FILE DIRECTORY URL

WAY is a port of 127.0.0.1 whose HTTP proxy the browser uses for everything, with
NAME:PASSWORD@ before it where it is to have saved these for that proxy, or
the URL of a DNS over HTTPS server that it asks for all names; then it connects
without a proxy. It trusts the certificates in CA_FILE besides its own roots, has a
profile of its own in DIRECTORY, and asks nobody for anything but URL. When CA_FILE is
empty, DIRECTORY is the profile, with whatever it trusts. It is driven over Marionette,
which comes with it: JSON after its length over a local socket.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time

START_SECONDS = 60
LOAD_SECONDS = 60

PREFS = {
    "marionette.port": 0,  # a free one, told in MarionetteActivePort
    # What it would fetch on its own.
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.newtabpage.enabled": False,
    "browser.region.network.url": "",
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.predictor.enabled": False,
    "security.OCSP.enabled": 0,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "data:,",
}


def proxy_prefs(port):
    return {
        "network.proxy.type": 1,
        "network.proxy.http": "127.0.0.1",
        "network.proxy.http_port": port,
        "network.proxy.ssl": "127.0.0.1",
        "network.proxy.ssl_port": port,
        "network.proxy.no_proxies_on": "",
    }


def resolver_prefs(url):
    return {
        "network.proxy.type": 0,
        "network.trr.mode": 3,
        "network.trr.uri": url,
        "network.trr.allow-rfc1918": True,  # the site is on loopback
        "network.dns.echconfig.enabled": True,
    }


def split_login(way):
    login, _, port = way.rpartition("@")
    return (login, port) if port.isdigit() else ("", way)


def write_prefs(profile, way):
    prefs = dict(PREFS)
    prefs.update(proxy_prefs(int(way)) if way.isdigit() else resolver_prefs(way))
    prefs["signon.autologin.proxy"] = True  # no dialog for what is saved
    with open(os.path.join(profile, "user.js"), "w") as file:
        for name, value in prefs.items():
            file.write(
                "user_pref(%s, %s);\n" % (json.dumps(name), json.dumps(value))
            )


def make_profile(directory, ca_file):
    profile = os.path.join(directory, "firefox")
    os.mkdir(profile, 0o700)
    database = "sql:" + profile
    for args in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "test", "-i", ca_file],
    ):
        subprocess.run(["certutil", "-d", database] + args, check=True)
    return profile


def environment(directory):
    return dict(
        os.environ,
        HOME=directory,
        MOZ_CRASHREPORTER_DISABLE="1",
        MOZ_REMOTE_SETTINGS_DEVTOOLS="1",  # lets the preference above count
    )


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def wait_for_port(browser, profile):
    path = os.path.join(profile, "MarionetteActivePort")
    for _ in range(START_SECONDS * 20):
        if browser.poll() is not None:
            break
        if os.path.exists(path):
            with open(path) as file:
                text = file.read()
            if text:
                return int(text)
        time.sleep(0.05)
    raise SystemExit("firefox did not start")


class Marionette:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(LOAD_SECONDS + 10)
        self.file = self.socket.makefile("rb")
        self.read()  # its greeting

    def read(self):
        length = b""
        while not length.endswith(b":"):
            octet = self.file.read(1)
            if not octet:
                raise SystemExit("firefox has ended")
            length += octet
        return json.loads(self.file.read(int(length[:-1])))

    def call(self, command, **parameters):
        body = json.dumps([0, 1, command, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(body), body))
        _, _, error, result = self.read()
        return error, result

    def must(self, command, **parameters):
        error, result = self.call(command, **parameters)
        if error is not None:
            raise SystemExit("%s: %s" % (command, error["message"]))
        return result


# What the browser keeps when a person has typed it into its dialog.
SAVE_LOGIN = """
    let [port, name, password, done] = arguments;
    let login = Cc["@mozilla.org/login-manager/loginInfo;1"]
        .createInstance(Ci.nsILoginInfo);
    login.init("moz-proxy://127.0.0.1:" + port, null, "echproxy", name, password,
               "", "");
    Services.logins.addLoginAsync(login).then(() => done("saved"),
                                              error => done(String(error)));
"""


def save_login(marionette, login, port):
    name, _, password = login.partition(":")
    marionette.must("Marionette:SetContext", value="chrome")
    result = marionette.must(
        "WebDriver:ExecuteAsyncScript", script=SAVE_LOGIN, args=[port, name, password]
    )
    if result["value"] != "saved":
        raise SystemExit(result["value"])
    marionette.must("Marionette:SetContext", value="content")


def print_page(marionette, url, login, port):
    marionette.must("WebDriver:NewSession")
    if login:
        save_login(marionette, login, port)
    marionette.must("WebDriver:SetTimeouts", pageLoad=LOAD_SECONDS * 1000)
    # An error page of the browser's own is an error here, and is printed too.
    error, _ = marionette.call("WebDriver:Navigate", url=url)
    if error is not None:
        print(error["error"], error["message"], file=sys.stderr)
    print(marionette.must("WebDriver:GetPageSource")["value"], flush=True)


def main():
    way, ca_file, directory, url = sys.argv[1:]
    login, way = split_login(way)
    profile = make_profile(directory, ca_file) if ca_file else directory
    write_prefs(profile, way)
    port_file = os.path.join(profile, "MarionetteActivePort")
    if os.path.exists(port_file):
        os.remove(port_file)  # of the last time
    browser = subprocess.Popen(
        ["firefox-esr", "--headless", "--marionette", "--no-remote"]
        + (["--remote-allow-system-access"] if login else [])
        + ["--profile", profile],
        env=environment(directory),
        preexec_fn=die_with_parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        port = wait_for_port(browser, profile)
        print_page(Marionette(port), url, login, way)
    finally:
        browser.kill()
        browser.wait()


if __name__ == "__main__":
    main()
