"""Opens a page in Chromium without a window, through a proxy that asks for a name
and a password, and prints its document as HTML.

    chromium_login.py PROXY_PORT CA_FILE DIRECTORY URL NAME PASSWORD

It trusts the certificates in CA_FILE besides its own roots, and has its home in
DIRECTORY. What a person would type into its dialog is given to it over its debugging
pipe: JSON, each message with a NUL after it. Standard error tells how often it asked.
"""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys

LOAD_SECONDS = 100


def make_home(directory, ca_file):
    database = os.path.join(directory, ".pki", "nssdb")
    os.makedirs(database, 0o700)
    subprocess.run(
        ["certutil", "-A", "-t", "C,,", "-n", "test", "-i", ca_file]
        + ["-d", "sql:" + database],
        check=True,
    )


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class Browser:
    def __init__(self, directory, proxy_port):
        to_browser, self.writer = os.pipe()
        reader, from_browser = os.pipe()

        def place_pipe():
            die_with_parent()
            # First out of the way: either may be 3 or 4 itself.
            spare = [
                fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
                for fd in (to_browser, from_browser)
            ]
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu"]
            + ["--disable-dev-shm-usage", "--disable-quic", "--no-first-run"]
            + ["--disable-extensions", "--disable-background-networking"]
            + ["--disable-component-update", "--disable-default-apps"]
            + ["--disable-sync", "--no-pings", "--remote-debugging-pipe"]
            + ["--user-data-dir=" + os.path.join(directory, "profile")]
            + ["--proxy-server=http://127.0.0.1:%s" % proxy_port],
            env=dict(os.environ, HOME=directory),
            preexec_fn=place_pipe,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self.reader = os.fdopen(reader, "rb")
        self.rest = b""
        self.session = None
        self.last_id = 0
        self.events = []

    def send(self, method, **params):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        return self.last_id

    def read(self):
        while b"\0" not in self.rest:
            data = self.reader.read1(65536)
            if not data:
                raise SystemExit("chromium has ended")
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    # Answers its questions until `is_it` says that a message is the one.
    def wait(self, is_it, on_event=lambda message: None):
        while True:
            message = self.read()
            on_event(message)
            if is_it(message):
                return message

    def call(self, method, on_event=lambda message: None, **params):
        call_id = self.send(method, **params)
        message = self.wait(lambda m: m.get("id") == call_id, on_event)
        if "error" in message:
            raise SystemExit("%s: %s" % (method, message["error"]["message"]))
        return message["result"]


class Person:
    def __init__(self, browser, name, password):
        self.browser = browser
        self.name = name
        self.password = password
        self.asked = 0

    def answer(self, message):
        params = message.get("params", {})
        if message.get("method") == "Fetch.requestPaused":
            self.browser.send("Fetch.continueRequest", requestId=params["requestId"])
        elif message.get("method") == "Fetch.authRequired":
            self.asked += 1
            challenge = params["authChallenge"]
            good = challenge["source"] == "Proxy" and self.asked < 4
            reply = {"response": "CancelAuth"}
            if good:
                reply = {
                    "response": "ProvideCredentials",
                    "username": self.name,
                    "password": self.password,
                }
            self.browser.send(
                "Fetch.continueWithAuth",
                requestId=params["requestId"],
                authChallengeResponse=reply,
            )


def print_page(browser, url, name, password):
    person = Person(browser, name, password)
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    browser.session = browser.call(
        "Target.attachToTarget", targetId=target, flatten=True
    )["sessionId"]
    browser.call("Page.enable")
    browser.call("Fetch.enable", handleAuthRequests=True)
    browser.send("Page.navigate", url=url)
    browser.wait(lambda m: m.get("method") == "Page.loadEventFired", person.answer)
    result = browser.call(
        "Runtime.evaluate",
        on_event=person.answer,
        expression="document.documentElement.outerHTML",
    )
    print(result["result"]["value"], flush=True)
    print("asked %d" % person.asked, file=sys.stderr)


def main():
    proxy_port, ca_file, directory, url, name, password = sys.argv[1:]
    make_home(directory, ca_file)
    signal.alarm(LOAD_SECONDS)
    browser = Browser(directory, proxy_port)
    try:
        print_page(browser, url, name, password)
    finally:
        browser.process.kill()
        browser.process.wait()


if __name__ == "__main__":
    main()
