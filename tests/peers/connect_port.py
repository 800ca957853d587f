"""A port of its own for one host behind an HTTP proxy.

    connect_port.py PROXY_PORT HOST:PORT

Prints `listening on 127.0.0.1:N`. What connects to N is connected, with CONNECT,
to HOST:PORT: for clients of TLS that know no proxies.
"""

import socket
import sys
import threading


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def read_answer(proxy):
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        octet = proxy.recv(1)
        if not octet:
            break
        answer += octet
    return answer


def serve(client, proxy_port, target):
    with client, socket.create_connection(("127.0.0.1", proxy_port)) as proxy:
        request = "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target)
        proxy.sendall(request.encode())
        if read_answer(proxy).startswith(b"HTTP/1.1 200 "):
            up = threading.Thread(target=copy, args=(client, proxy))
            up.start()
            copy(proxy, client)
            up.join()


def main():
    proxy_port, target = int(sys.argv[1]), sys.argv[2]
    listener = socket.create_server(("127.0.0.1", 0))
    print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(
            target=serve, args=(client, proxy_port, target), daemon=True
        ).start()


if __name__ == "__main__":
    main()
