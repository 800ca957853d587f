"""10,000 connections leave the page's memory and the proxy's as they were."""

import socket
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

from browsers import Chromium
from stage import Stage

NUM_BEFORE = 2000  # until everything that is bounded is full
NUM = 10000
MOST_HEAP = 2 << 20
MOST_PSS_KIB = 4096
KEPT = 512

LAST = """
document.querySelector('#visits .site') &&
document.getElementById('count').textContent === '512 connections' &&
[...document.querySelectorAll('#visits .site')].slice(0, 50).some(
  site => site.textContent === arguments[0])
"""


class Sink:
    """Accepts connections and ends each at once."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                self.listener.accept()[0].close()
            except OSError:
                return

    def close(self):
        self.listener.close()


class GrowthTest(unittest.TestCase):
    def setUp(self):
        self.stage = Stage()
        self.addCleanup(self.stage.close)
        self.sink = Sink()
        self.addCleanup(self.sink.close)
        self.browser = Chromium(self.stage.home, "--no-proxy-server")
        self.addCleanup(self.browser.close)
        self.browser.look()
        self.browser.go(self.stage.page_url)
        self.browser.wait("document.getElementById('link').dataset.link === 'live'")

    def connect(self, number):
        """Every other one is passed through, and the rest refused."""
        a, b = divmod(number, 250)
        port = self.sink.port if number % 2 else 9
        host = "127.0.0.1" if number % 2 else f"127.9.{a}.{b + 1}"
        return self.stage.connect(f"{host}:{port}")

    def connect_many(self, begin, count):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self.connect, range(begin, begin + count)))
        self.assertEqual({200, 502}, set(answers))
        last = f"127.8.0.1:{begin % 60000 + 1}"
        self.stage.connect(last)
        self.browser.wait(LAST, last)

    def test_memory_stays_flat(self):
        self.connect_many(0, NUM_BEFORE)
        heap, pss = self.browser.heap_bytes(), self.stage.pss_kib()
        self.connect_many(NUM_BEFORE, NUM)
        self.assertEqual(
            self.browser.run("return document.querySelectorAll('#visits tr').length"),
            KEPT,
        )
        grown = self.browser.heap_bytes() - heap
        self.assertLess(grown, MOST_HEAP)
        grown_kib = self.stage.pss_kib() - pss
        self.assertLess(grown_kib, MOST_PSS_KIB)
        print(f"page: {grown >> 10} KiB more, proxy: {grown_kib} KiB more")


if __name__ == "__main__":
    unittest.main()
