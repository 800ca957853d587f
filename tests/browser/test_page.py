"""The status page in Chromium and Firefox, in front of the real proxy and real peers."""

import statistics
import time
import unittest

from browsers import DESK, PHONE, Chromium, Firefox, firefox_page
from stage import PLAIN, PUBLIC_NAME, SITE, Stage, axe_source, hellos

NUM_TIMED = 9
MOST_MS = 200

ROW = """
[...document.querySelectorAll('#visits tr')].find(row =>
  row.querySelector('.site').textContent.startsWith(arguments[0] + ':') &&
  row.dataset.verdict === arguments[1])
"""

AXE = """
const wanted = ['serious', 'critical', 'moderate', 'minor'];
return axe.run(document, {resultTypes: ['violations']}).then(({violations, passes}) => ({
  passes: passes.length,
  violations: violations.filter(({impact}) => wanted.includes(impact)).map(
    ({id, impact, nodes}) => `${impact} ${id}: ${nodes[0].html}`)}));
"""

# Notes when the row of a site is there for the first time.
OBSERVE = """
window.shownAt = {};
new MutationObserver(() => {
  for (const button of document.querySelectorAll('#visits .site')) {
    window.shownAt[button.textContent] = window.shownAt[button.textContent] || Date.now();
  }
}).observe(document.getElementById('visits'), {childList: true, subtree: true});
"""


# All 512 known connections say something while the table is paused, number 300
# its last word before the others, and one more begins.
PAUSED = """
const table = new VisitTable(() => {});
const put = (id, done) => table.put({id, done, started: '2030-01-01T00:00:00.000Z',
  duration_ms: 1, verdict: 'hidden', site: 'x.test', port: 443, observer: {}});
const ids = Array.from({length: 512}, (_, at) => at + 1);
ids.forEach((id) => put(id, false));
table.flush();
table.pause(true);
put(300, true);
ids.filter((id) => id !== 300).forEach((id) => put(id, false));
put(513, false);
table.pause(false);
return table.rows.get(300).visit.done && table.rows.size === 512 && !table.rows.has(1);
"""


class PageTests:
    """What the page is and does in either browser. `start_browser(home)` starts one
    that uses the proxy."""

    @classmethod
    def setUpClass(cls):
        cls.stage = Stage()
        cls.addClassCleanup(cls.stage.close)
        cls.browser = cls.start_browser(cls.stage.home)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.open_page()

    def open_page(self):
        self.browser.go("about:blank")
        self.browser.go(self.stage.page_url)
        self.browser.wait("document.getElementById('link').dataset.link === 'live'")

    def row(self, site, verdict):
        self.browser.wait(ROW, site, verdict)

    def show(self, site, verdict):
        """Opens the dialog of the newest such connection."""
        self.row(site, verdict)
        self.browser.run(f"({ROW.strip()}).querySelector('button').click()".replace(
            "arguments[0]", f"'{site}'").replace("arguments[1]", f"'{verdict}'"))
        self.browser.wait("document.querySelector('.hello').childElementCount > 0")

    def visit_both(self):
        self.stage.curl(self.stage.site_url)
        self.stage.curl(self.stage.plain_url, ca=self.stage.roots)

    def test_says_that_this_browser_is_protected(self):
        self.browser.wait(
            "document.getElementById('sentence').textContent === "
            "'This browser is protected right now.'"
        )
        states = self.browser.run(
            "return [...document.querySelectorAll('#checks li')]"
            ".map(item => item.dataset.state)"
        )
        self.assertEqual(states, ["ok", "ok", "ok"])

    def test_keeps_the_token_out_of_the_address(self):
        self.assertEqual(self.browser.run("return location.href"),
                         f"http://{self.stage.address}/")
        self.browser.go(f"http://{self.stage.address}/")  # as after a reload
        self.browser.wait("document.getElementById('link').dataset.link === 'live'")

    def test_shows_a_connection_within_200_ms(self):
        # The median of some, and the best of three: other programs run here too.
        medians = []
        for turn in range(3):
            self.browser.run(OBSERVE)
            taken = [self.time_one(f"127.1.{turn}.{n}") for n in range(1, NUM_TIMED + 1)]
            medians.append(statistics.median(taken))
            if medians[-1] <= MOST_MS:
                return
        self.fail(f"it took {medians} ms")

    def time_one(self, host):
        begun = time.time() * 1000
        self.stage.connect(f"{host}:9")  # nobody listens there
        shown = self.browser.wait(f"window.shownAt['{host}:9']")
        return shown - begun

    def test_shows_what_an_observer_saw_and_what_was_inside(self):
        self.browser.new_tab()
        self.browser.go(self.stage.site_url)
        self.assertIn("This is the site", self.browser.text())
        self.open_page()
        self.show(SITE, "hidden")
        outer, inner = self.browser.run(
            "const row = document.querySelector('[data-field=server_name]');"
            "return ['outer', 'inner'].map(side =>"
            " row.querySelector(`mark.${side}`).textContent)"
        )
        self.assertEqual((outer, inner), (PUBLIC_NAME, SITE))
        self.assertEqual(
            self.browser.run("return document.querySelector("
                             "'[data-field=server_name]').dataset.difference"),
            "differs",
        )
        # First what it is about, wherever in the message it is.
        self.assertEqual(
            self.browser.run("return [...document.querySelectorAll('[data-field]')]"
                             ".slice(0, 2).map(row => row.dataset.field)"),
            ["server_name", "encrypted_client_hello"],
        )
        shown = [self.whole_hex(at) for at in (0, 1)]
        self.assertIn(shown[0], hellos(self.stage.site_tap))
        self.assertNotIn(SITE.encode(), shown[0])
        self.assertIn(SITE.encode(), shown[1])

    def whole_hex(self, at):
        text = self.browser.run(
            "return document.querySelectorAll('.whole pre')[arguments[0]].textContent",
            at,
        )
        return bytes.fromhex(text)

    def test_shows_the_octets_of_a_field_on_demand(self):
        self.visit_both()
        self.show(PLAIN, "passed")
        self.browser.click("[data-field=server_name] button")
        text = self.browser.run(
            "return document.querySelector('[data-field=server_name] pre').textContent"
        )
        # RFC 6066, section 3: the extension with its header.
        name = PLAIN.encode()
        self.assertEqual(
            bytes.fromhex(text),
            b"\0\0" + (len(name) + 5).to_bytes(2, "big")
            + (len(name) + 3).to_bytes(2, "big")
            + b"\0" + len(name).to_bytes(2, "big") + name,
        )

    def test_says_that_all_of_a_passed_hello_was_in_the_clear(self):
        self.visit_both()
        self.show(PLAIN, "passed")
        self.browser.wait("document.getElementById('views').textContent"
                          ".includes('was in the clear')")
        self.assertEqual(self.whole_hex(0), hellos(self.stage.plain_tap)[-1])

    def test_writes_a_rule_that_counts_from_the_next_connection_on(self):
        before = self.stage.config.read_text()
        self.visit_both()
        self.show(SITE, "hidden")
        self.write_rule("pass")
        self.assertIn(f'[site "{SITE}"]\nmode = pass', self.stage.config.read_text())
        self.stage.curl(self.stage.site_url, ca=self.stage.roots)
        self.row(SITE, "passed")
        self.assertIn(SITE.encode(), hellos(self.stage.site_tap)[-1])
        self.write_rule("default")
        self.assertTrue(self.stage.config.read_text().startswith(before))
        self.assertNotIn("mode = pass", self.stage.config.read_text())
        self.stage.curl(self.stage.site_url)  # with a leaf again
        self.assertNotIn(SITE.encode(), hellos(self.stage.site_tap)[-1])

    def write_rule(self, mode):
        self.browser.run("document.querySelector('.rule-said').textContent = ''")
        self.browser.click(f"#views [data-mode={mode}]")
        said = self.browser.wait("document.querySelector('.rule-said').textContent"
                                 ".match(/^(Written|Not).*/s)")[0]
        self.assertIn(f"Written to {self.stage.config}", said)

    def test_filters_and_pauses(self):
        self.visit_both()
        self.row(PLAIN, "passed")
        shown = ("[...document.querySelectorAll('#visits tr:not([hidden]) .site')]"
                 ".map(site => site.textContent)")
        self.browser.type("#text-filter", PLAIN)
        self.assertEqual({name.split(":")[0] for name in
                          self.browser.run(f"return {shown}")}, {PLAIN})
        self.browser.run("document.querySelector('[value=hidden]').click()")
        self.assertEqual(self.browser.run(f"return {shown}"), [])
        self.open_page()
        self.browser.click("#pause")
        self.stage.connect("127.2.0.1:9")
        self.browser.wait("document.getElementById('pause').textContent.includes('1 wait')")
        self.assertNotIn("127.2.0.1:9", self.browser.run(f"return {shown}"))
        self.browser.click("#pause")
        self.assertIn("127.2.0.1:9", self.browser.run(f"return {shown}"))


class ChromiumTest(PageTests, unittest.TestCase):
    @classmethod
    def start_browser(cls, home):
        (home / ".pki").mkdir()
        cls.stage.command("certutil", "-N", "--empty-password", "-d",
                          f"sql:{nssdb(home)}")
        cls.stage.command("echproxy", "trust")
        return Chromium(home, f"--proxy-server=http://{cls.stage.address}")

    def setUp(self):
        self.browser.look()
        super().setUp()

    def test_says_how_to_open_it_without_a_token(self):
        for script in ("sessionStorage.clear()", "location.reload()"):
            self.browser.run(script)
        self.browser.wait("document.getElementById('link').dataset.link === 'missing'")
        self.assertIn("echproxy status --open", self.browser.text())
        self.assertNotIn(SITE, self.browser.run("return document.body.textContent"))

    def test_says_that_another_run_had_this_token(self):
        self.browser.go("about:blank")
        self.browser.go(f"http://{self.stage.address}/#{'x' * 43}")
        self.browser.wait("document.getElementById('link').dataset.link === 'expired'")
        self.assertIn("was started anew", self.browser.text())

    def test_is_used_with_the_keyboard(self):
        self.visit_both()
        self.row(PLAIN, "passed")
        self.browser.click("#pause")  # Chromium's own connections move the rows
        focused = "document.activeElement.closest('tr')"
        self.browser.run("document.querySelector('#visits [tabindex=\"0\"]').focus()")
        self.browser.press("Home")
        self.browser.press("ArrowDown")
        self.assertTrue(self.browser.run(
            f"return {focused} === document.querySelectorAll('#visits tr')[1]"))
        self.browser.press("Enter")
        self.browser.wait("document.getElementById('views').open")
        self.browser.press("Escape")
        self.browser.wait("!document.getElementById('views').open")
        self.assertTrue(self.browser.run(
            f"return {focused} === document.querySelectorAll('#visits tr')[1]"))

    def test_loses_no_last_word_in_a_pause(self):
        self.assertTrue(self.browser.run(PAUSED))

    def test_moves_nothing_while_rows_arrive(self):
        self.visit_both()
        self.row(PLAIN, "passed")
        place = ("return JSON.stringify(['pause', 'chart', 'connections', 'scroll'].map("
                 "id => document.getElementById(id).getBoundingClientRect()))")
        before = self.browser.run(place)
        for n in range(1, 30):
            self.stage.connect(f"127.3.0.{n}:9")
        self.browser.wait("document.body.textContent.includes('127.3.0.29:9')")
        self.assertEqual(self.browser.run(place), before)

    def test_has_no_problem_that_axe_knows(self):
        self.visit_both()
        source = axe_source()
        for scheme in ("light", "dark"):
            for size in (DESK, PHONE):
                with self.subTest(scheme=scheme, **size):
                    self.browser.look(scheme, **size)
                    self.open_page()
                    self.browser.cdp("Runtime.evaluate", expression=source)
                    self.check_axe()
                    self.assertFalse(self.browser.run(
                        "return document.documentElement.scrollWidth > innerWidth"))
                    for site, verdict in ((SITE, "hidden"), (PLAIN, "passed")):
                        self.show(site, verdict)
                        self.check_axe()
                        self.browser.press("Escape")

    def check_axe(self):
        found = self.browser.run(AXE)
        self.assertEqual(found["violations"], [])
        self.assertGreater(found["passes"], 10)

    def test_says_when_the_proxy_does_not_answer(self):
        stage = Stage()
        self.addCleanup(stage.close)
        self.browser.go("about:blank")
        self.browser.go(stage.page_url)
        self.browser.wait("document.getElementById('link').dataset.link === 'live'")
        stage.proxy.terminate()
        self.browser.wait("document.getElementById('link').dataset.link === 'stopped'")
        self.assertIn("echproxy does not answer", self.browser.text())


class FirefoxTest(PageTests, unittest.TestCase):
    @classmethod
    def start_browser(cls, home):
        Firefox(home, {}).close()  # which makes the profile that is to trust the CA
        cls.stage.command("echproxy", "trust")
        port = int(cls.stage.address.split(":")[1])
        return Firefox(home, firefox_page.proxy_prefs(port))


def nssdb(home):
    path = home / ".pki" / "nssdb"
    path.mkdir()
    return path


if __name__ == "__main__":
    unittest.main()
