"""A hostile page in the user's browser learns nothing of the proxy and changes
nothing. Whatever it tries, it sees what it would see where nobody is."""

import unittest

from browsers import Chromium, Firefox, firefox_page
from stage import HOSTILE, Pages, Stage, free_port

# What each attempt comes to, as far as a page can tell. A frame's load event is
# no sign of anything: Chromium's own error pages have one.
ATTEMPTS = """
const [base, token] = arguments;
const json = JSON.stringify({site: 'hostile.example', mode: 'pass'});
const bearer = {Authorization: `Bearer ${token}`};
const asks = (path, options) => fetch(base + path, options).then(
  async answer => `${answer.type} ${answer.status} ${await answer.text()}`,
  error => error.name);
const element = (name, attributes) => new Promise(done => {
  const node = document.createElement(name);
  node.onload = () => done('load'); node.onerror = () => done('error');
  Object.assign(node, attributes); document.body.append(node);
});
const socket = url => new Promise(done => {
  const s = new WebSocket(url);
  s.onopen = () => done('open'); s.onclose = e => done(`close ${e.code}`);
});
const source = url => new Promise(done => {
  const s = new EventSource(url);
  s.onopen = () => done('open'); s.onerror = () => { s.close(); done('error'); };
});
const form = (attributes, fields) => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.name = `frame${Math.random()}`;
  document.body.append(frame);
  const node = Object.assign(document.createElement('form'),
    {method: 'POST', target: frame.name, ...attributes});
  for (const [name, value] of fields) {
    node.append(Object.assign(document.createElement('input'), {name, value}));
  }
  document.body.append(node);
  frame.onload = () => {
    let seen;
    try { seen = frame.contentDocument.body.textContent; } catch (e) { seen = e.name; }
    done(seen);
  };
  node.submit();
});
const framed = url => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.onload = () => {
    let seen;
    try { seen = frame.contentDocument.body.textContent; } catch (e) { seen = e.name; }
    done(`${seen} ${frame.contentWindow.length}`);
  };
  frame.src = url; document.body.append(frame);
});
const tries = {
  cors: () => asks('/'),
  noCors: () => asks('/', {mode: 'no-cors'}),
  setup: () => asks('/setup', {mode: 'no-cors'}),
  status: () => asks('/api/status'),
  statusNoCors: () => asks('/api/status', {mode: 'no-cors', credentials: 'include'}),
  statusWithToken: () => asks('/api/status', {headers: bearer}),
  metrics: () => asks('/metrics', {mode: 'no-cors'}),
  head: () => asks('/ca.pem', {mode: 'no-cors', method: 'HEAD'}),
  probe: () => asks('/probe?00', {mode: 'no-cors'}),
  rule: () => asks('/api/rules', {method: 'POST', body: json,
    headers: {'Content-Type': 'application/json', ...bearer}}),
  ruleNoCors: () => asks('/api/rules', {method: 'POST', body: json, mode: 'no-cors'}),
  image: () => element('img', {src: base + '/ca.der'}),
  script: () => element('script', {src: base + '/proxy.pac'}),
  style: () => element('link', {rel: 'stylesheet', href: base + '/setup'}),
  socket: () => socket(base.replace('http', 'ws') + '/api/events'),
  source: () => source(base + '/api/events'),
  form: () => form({action: base + '/api/rules', enctype: 'text/plain'},
    [['{"site":"hostile.example","mode":"pass","x":"', '"}']]),
  frame: () => framed(base + '/'),
  frameData: () => framed(base + '/api/status'),
};
// Some never hear of anything, and all of them wait for that together.
const outcome = attempt => Promise.race([attempt().catch(e => e.name),
  new Promise(done => setTimeout(() => done('nothing'), 8000))]);
return Promise.all(Object.entries(tries).map(
  async ([name, attempt]) => [name, await outcome(attempt)])).then(Object.fromEntries);
"""
# Browsers themselves keep a page of the network from loopback; what is tested is
# what the proxy does where one does not.
UNGUARDED = (
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessForWorkers,"
    "BlockInsecurePrivateNetworkRequests,HttpsUpgrades"
)


class HostileTests:
    """`start_direct(home, rebound)` starts a browser without a proxy, to which the
    name `rebound` is an address of loopback, `start_proxied(home, port)` one with."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.port = cls.stage.address.split(":")[1]
        other = Pages()
        cls.addClassCleanup(other.close)
        cls.other = f"http://127.0.0.1:{other.port}"

    def setUp(self):
        self.config = self.stage.config.read_text()
        self.addCleanup(self.check_config)

    def check_config(self):
        self.assertEqual(self.stage.config.read_text(), self.config)

    def visits(self):
        return self.stage.api("/api/visits")["visits"]

    def direct(self, rebound=None):
        browser = self.start_direct(self.stage.home, rebound)
        self.addCleanup(browser.close)
        return browser

    def proxied(self):
        browser = self.start_proxied(self.stage.home, int(self.port))
        self.addCleanup(browser.close)
        return browser

    def attempts(self, browser, page, base, token="x" * 43):
        browser.go(page)
        return browser.run(ATTEMPTS, base, token)

    def check_direct(self, token):
        """From another port of loopback, which to a browser is the same site and
        of the same address space."""
        before = self.visits()
        self.check_same(
            self.direct(),
            f"http://127.0.0.1:{self.stage.pages.port}/",
            f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}", token,
        )
        self.assertEqual(self.visits(), before)

    def check_same(self, browser, page, ours, nobody, token="x" * 43):
        seen = self.attempts(browser, page, ours, token)
        self.assertEqual(seen, self.attempts(browser, page, nobody, token))
        if page.startswith("http://127.0.0.1"):
            # Where somebody answers, it does look otherwise.
            self.assertNotEqual(seen, self.attempts(browser, page, self.other, token))

    def test_a_page_of_another_port_of_loopback(self):
        self.check_direct("x" * 43)

    def test_a_page_that_knows_the_token(self):
        self.check_direct(self.stage.token)

    def test_a_site_that_comes_through_the_proxy(self):
        browser = self.proxied()
        page = f"http://{HOSTILE}:{self.stage.pages.port}/"
        self.check_same(browser, page, f"http://127.0.0.1:{self.port}",
                        f"http://127.0.0.1:{free_port()}")

    def test_a_site_that_asks_for_the_name_of_our_own(self):
        browser = self.proxied()
        page = f"http://{HOSTILE}:{self.stage.pages.port}/"
        self.check_same(browser, page, "http://ech.internal", "http://nobody.internal")

    def test_a_name_that_is_rebound_to_us(self):
        # The page itself is of an origin whose name now leads to the proxy.
        browser = self.direct(HOSTILE)
        browser.go(f"http://{HOSTILE}:{self.port}/")
        self.assertIn("ask by the IP address", browser.text())
        seen = browser.run(ATTEMPTS, f"http://{HOSTILE}:{self.port}",
                           self.stage.token)
        for name, text in seen.items():
            with self.subTest(name):
                self.assertNotIn("version", text)
                self.assertNotIn(HOSTILE, text)
                self.assertNotIn("echproxy", text)
                self.assertNotIn("open", text.split())
                self.assertNotIn("load", text.split())


class ChromiumTest(HostileTests, unittest.TestCase):
    def start_direct(self, home, rebound):
        rules = f"--host-resolver-rules=MAP {rebound} 127.0.0.1"
        return Chromium(home, UNGUARDED, "--no-proxy-server", *[rules] * bool(rebound))

    def start_proxied(self, home, port):
        return Chromium(home, UNGUARDED, f"--proxy-server=http://127.0.0.1:{port}")


class FirefoxTest(HostileTests, unittest.TestCase):
    UNGUARDED = {"network.lna.enabled": False, "network.lna.blocking": False}

    def start_direct(self, home, rebound):
        return Firefox(home, {
            **self.UNGUARDED,
            "network.proxy.type": 0,
            "network.dns.localDomains": rebound or "",
        })

    def start_proxied(self, home, port):
        return Firefox(home, {
            **self.UNGUARDED,
            **firefox_page.proxy_prefs(port),
            "network.proxy.allow_hijacking_localhost": True,
        })


if __name__ == "__main__":
    unittest.main()
