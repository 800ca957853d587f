"""A wire tap: passes TCP connections on to another port of loopback and keeps
what went through."""

import socket
import threading
import time


class Recording:
    """One connection's bytes, as they went over the wire."""

    def __init__(self):
        self.up = bytearray()  # from the client
        self.down = bytearray()

    @property
    def both(self):
        return bytes(self.up) + bytes(self.down)


class Tap:
    """Listens on a port of its own (`port`) and records each connection to
    `target` in `recordings`, oldest first."""

    def __init__(self, target):
        self.target = target
        self.recordings = []
        self.open = 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            recording = Recording()
            with self.lock:
                self.recordings.append(recording)
                self.open += 2
            for source, sink, record in (
                (client, server, recording.up),
                (server, client, recording.down),
            ):
                threading.Thread(
                    target=self._pass_on, args=(source, sink, record), daemon=True
                ).start()

    def _pass_on(self, source, sink, record):
        try:
            while data := source.recv(65536):
                record += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        with self.lock:
            self.open -= 1

    def wait_until_quiet(self, seconds=2):
        """Waits until every connection has ended, so that no byte is missing,
        or for `seconds`: a client may keep one for later."""
        deadline = time.monotonic() + seconds
        while self.open and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self):
        self.listener.close()
