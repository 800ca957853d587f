"""Chromium and Firefox without a window, driven by WebDriver: Chromium through
its chromedriver (HTTP), Firefox through Marionette, which comes with it. Both
have a fresh profile in a directory that also is their HOME, so that they trust
what `echproxy trust` put there and nothing else of this machine."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "peers"))
import firefox_page

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
WAIT_SECONDS = 20
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1400, "height": 1000}


class BrowserError(Exception):
    """What the browser said was wrong, by WebDriver's name for it."""

    def __init__(self, error, message):
        super().__init__(f"{error}: {message}")
        self.error = error


def environment(home):
    """The variables of a browser that knows nothing of whoever runs the tests."""
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("XDG_")},
        "HOME": str(home),
        "XDG_CONFIG_HOME": f"{home}/.config",
        "XDG_DATA_HOME": f"{home}/.local/share",
        "XDG_CACHE_HOME": f"{home}/.cache",
    }


class Browser:
    """What both can do. `call(command, **body)` is the driver's own."""

    def go(self, url):
        self.call("Navigate", url=url)

    def run(self, script, *args):
        """Runs the body of a function with `arguments` and returns its result;
        a promise is awaited."""
        return self.call("ExecuteScript", script=script, args=list(args))

    def wait(self, script, *args, seconds=WAIT_SECONDS):
        """Waits in the page until the expression `script` is true, and returns
        it. It is looked at whenever the document changes, and each frame."""
        try:
            return self.call("ExecuteAsyncScript", script=WAIT % script.strip(), args=list(args))
        except BrowserError as error:
            raise AssertionError(
                f"never came true: {script}\nThe page says:\n{self.text()}"
            ) from error

    def text(self):
        return self.run("return document.body ? document.body.innerText : ''")

    def find(self, selector):
        return self.call("FindElement", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        self.call("ElementClick", id=self.find(selector))

    def type(self, selector, text):
        self.call("ElementSendKeys", id=self.find(selector), text=text)

    def press(self, key):
        """Presses a key for whatever has the focus."""
        active = self.call("GetActiveElement")[ELEMENT]
        self.call("ElementSendKeys", id=active, text=KEYS.get(key, key))

    def new_tab(self):
        """Opens a tab, goes on there, and returns what `use_tab` takes."""
        tab = self.call("NewWindow", type="tab")["handle"]
        self.use_tab(tab)
        return tab

    def tab(self):
        return self.call("GetWindowHandle")

    def use_tab(self, tab):
        self.call("SwitchToWindow", handle=tab)

    def screenshot(self, path):
        data = self.call("TakeScreenshot", full=False)
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))


WAIT = """
const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);
const holds = (...arguments) => { try { return %s; } catch (e) { return false; } };
const look = () => {
  const found = holds(...args);
  if (found) { done(found); } else { setTimeout(look, 10); }
};
look();
"""

KEYS = {
    "Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Home": "\ue011",
    "End": "\ue010", "ArrowUp": "\ue013", "ArrowDown": "\ue015",
}


class Chromium(Browser):
    """`options` are more arguments for it."""

    PATHS = {
        "Navigate": ("POST", "/url"),
        "ExecuteScript": ("POST", "/execute/sync"),
        "ExecuteAsyncScript": ("POST", "/execute/async"),
        "FindElement": ("POST", "/element"),
        "ElementClick": ("POST", "/element/{id}/click"),
        "ElementSendKeys": ("POST", "/element/{id}/value"),
        "GetActiveElement": ("GET", "/element/active"),
        "NewWindow": ("POST", "/window/new"),
        "GetWindowHandle": ("GET", "/window"),
        "SwitchToWindow": ("POST", "/window"),
        "TakeScreenshot": ("GET", "/screenshot"),
        "DeleteSession": ("DELETE", ""),
        "SetTimeouts": ("POST", "/timeouts"),
    }
    ARGUMENTS = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-quic", "--disable-extensions", "--no-first-run", "--no-pings",
        "--disable-background-networking", "--disable-component-update",
        "--disable-default-apps", "--disable-sync",
        "--remote-debugging-pipe",  # with whose end it ends
    ]

    def __init__(self, home, *options):
        self.session = None
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            env=environment(home),
            preexec_fn=firefox_page.die_with_parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = f"http://127.0.0.1:{self.read_port()}"
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        # One of its own: the last browser may not have let go of its yet.
        profile = tempfile.mkdtemp(prefix="chromium-", dir=home)
        self.begin([*self.ARGUMENTS, f"--user-data-dir={profile}", *options])

    def read_port(self):
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found[1])
        raise BrowserError("chromedriver", "it did not start")

    def begin(self, arguments):
        chrome = {"binary": shutil.which("chromium"), "args": arguments}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": chrome}
        answer = self.send(
            "POST", "/session", {"capabilities": {"alwaysMatch": capabilities}}
        )
        self.session = answer["sessionId"]
        self.call("SetTimeouts", script=WAIT_SECONDS * 1000, pageLoad=30000)

    def send(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise BrowserError(value["error"], value["message"]) from None

    def call(self, command, **body):
        method, path = self.PATHS[command]
        path = path.format(id=body.pop("id", None))
        return self.send(method, f"/session/{self.session}{path}", body)

    def cdp(self, command, **parameters):
        """Sends a command of the DevTools protocol."""
        return self.send(
            "POST", f"/session/{self.session}/goog/cdp/execute",
            {"cmd": command, "params": parameters},
        )

    def look(self, scheme="light", width=DESK["width"], height=DESK["height"]):
        """Gives the page a colour scheme and a size."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", features=features)
        self.cdp(
            "Emulation.setDeviceMetricsOverride", width=width, height=height,
            deviceScaleFactor=1, mobile=width < 600,
        )

    def heap_bytes(self):
        """What the page's script holds, its garbage collected first."""
        self.cdp("HeapProfiler.collectGarbage")
        return self.cdp("Runtime.getHeapUsage")["usedSize"]

    def close(self):
        if self.driver.poll() is not None:
            return
        try:
            if self.session:
                self.call("DeleteSession")
        finally:
            self.driver.terminate()
            self.driver.wait()
            self.driver.stdout.close()


class Firefox(Browser):
    """`prefs` are preferences besides those that keep it quiet."""

    def __init__(self, home, prefs):
        profile = os.path.join(home, ".mozilla", "firefox", "test.default")
        os.makedirs(profile, mode=0o700, exist_ok=True)
        port_file = os.path.join(profile, "MarionetteActivePort")
        if os.path.exists(port_file):
            os.remove(port_file)  # of the last time
        with open(os.path.join(profile, "user.js"), "w") as file:
            for name, value in {**firefox_page.PREFS, **prefs}.items():
                file.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        self.process = subprocess.Popen(
            ["firefox-esr", "--headless", "--marionette", "--no-remote",
             "--profile", profile],
            env=environment(home),
            preexec_fn=firefox_page.die_with_parent,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = firefox_page.wait_for_port(self.process, profile)
        self.marionette = firefox_page.Marionette(port)
        self.call("NewSession")
        self.call("SetTimeouts", script=WAIT_SECONDS * 1000, pageLoad=30000)

    def call(self, command, **body):
        error, result = self.marionette.call(f"WebDriver:{command}", **body)
        if error is not None:
            raise BrowserError(error["error"], error["message"])
        wrapped = isinstance(result, dict) and set(result) == {"value"}
        return result["value"] if wrapped else result

    def close(self):
        self.process.kill()
        self.process.wait()
        self.marionette.socket.close()
