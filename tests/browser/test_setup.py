"""From a fresh profile to a protected browser by following the setup page alone:
what is typed and entered here was read there."""

import re
import shlex
import unittest

from browsers import Chromium, Firefox
from stage import PUBLIC_NAME, SITE, Stage, hellos

PROTECTED = "This browser is protected right now."
SENTENCE = "document.getElementById('sentence').textContent"


def section(browser, heading):
    """The text of the setup page between a heading that begins so and the next."""
    text = browser.run(
        "const all = [...document.querySelectorAll('h2')];"
        "const at = all.find(h => h.textContent.startsWith(arguments[0]));"
        "const said = [];"
        "for (let e = at.nextElementSibling; e && e.tagName !== 'H2';"
        "     e = e.nextElementSibling) { said.push(e.innerText); }"
        "return said.join('\\n');",
        heading,
    )
    return text


class SetupTest(unittest.TestCase):
    def setUp(self):
        self.stage = Stage()
        self.addCleanup(self.stage.close)

    def start(self, kind, *options):
        browser = kind(self.stage.home, *options)
        self.addCleanup(browser.close)
        return browser

    def follow_trust(self, browser):
        """Runs the one command under the heading that says to trust it."""
        lines = browser.run(
            "return [...document.querySelectorAll('pre')].map(pre => pre.innerText)"
        )
        command = next(line for line in lines if "echproxy trust" in line)
        self.stage.command(*shlex.split(command))

    def check_protected(self, browser):
        browser.go(self.stage.site_url)
        self.assertIn("This is the site", browser.text())
        seen = hellos(self.stage.site_tap)
        self.assertTrue(seen)
        self.assertTrue(all(PUBLIC_NAME.encode() in hello for hello in seen))
        self.assertFalse(any(SITE.encode() in hello for hello in seen))
        browser.go(self.stage.page_url)
        browser.wait(f"{SENTENCE} === arguments[0]", PROTECTED)

    def test_chromium(self):
        before = self.start(Chromium, "--no-proxy-server")
        before.go(self.stage.page_url)
        before.wait(f"{SENTENCE}.includes('does not use echproxy')")
        before.click("#checks a")  # to the setup page
        before.wait("location.pathname === '/setup' && document.querySelector('h2')")
        said = section(before, "Chromium")
        option = re.search(r"chromium (--proxy-server=\S+)", said)[1]
        self.follow_trust(before)
        before.close()
        self.check_protected(self.start(Chromium, option))

    def test_chromium_that_skips_the_certificate(self):
        browser = self.start(Chromium, f"--proxy-server=http://{self.stage.address}")
        browser.go(self.stage.page_url)
        browser.wait(f"{SENTENCE}.includes('does not trust its certificates')")
        self.assertIn("echproxy trust", browser.text())

    def test_firefox(self):
        before = self.start(Firefox, {"network.proxy.type": 0})
        before.go(self.stage.page_url)
        before.wait(f"{SENTENCE}.includes('does not use echproxy')")
        before.go(self.stage.setup_url)
        said = section(before, "Firefox")
        host, port = re.search(r"HTTP Proxy: (\S+?), Port: (\d+)", said).groups()
        self.follow_trust(before)
        before.close()
        # What the dialog under Network Settings sets.
        self.check_protected(self.start(Firefox, {
            "network.proxy.type": 1,
            "network.proxy.http": host,
            "network.proxy.http_port": int(port),
            "network.proxy.ssl": host,
            "network.proxy.ssl_port": int(port),
            "network.proxy.share_proxy_settings": True,
        }))

    def test_firefox_with_the_file(self):
        before = self.start(Firefox, {"network.proxy.type": 0})
        before.go(self.stage.setup_url)
        said = section(before, "Firefox")
        url = re.search(r"http://\S+/proxy\.pac", said)[0]
        self.follow_trust(before)
        before.close()
        self.check_protected(self.start(Firefox, {
            "network.proxy.type": 2,
            "network.proxy.autoconfig_url": url,
        }))


if __name__ == "__main__":
    unittest.main()
