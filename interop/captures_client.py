#!/usr/bin/env python3
"""A client that does not look before it sends: GET, a pause, POST, on one connection, whatever its kernel knows.

captures_client.py PORT TARGET SECONDS

With `sweep` for SECONDS it is a crowd of well-behaved ones, each with a connection of its own and one POST, that come
15 to 23 ms after each other; then it prints how many were answered 502.
"""

import http.client
import socket
import sys
import time

PATIENCE = 1.0


def request(method, target, content):
    length = f"Content-Length: {len(content)}\r\n" if content else ""
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: {method}\r\n{length}\r\n{content}".encode()


def answer(connection):
    """All of a response with a Content-Length, or what there was of it."""
    received = b""
    while not complete(received):
        piece = connection.recv(65536)
        if not piece:
            break
        received += piece


def complete(received):
    head, separator, content = received.partition(b"\r\n\r\n")
    if not separator:
        return False
    fields = (line.partition(b":") for line in head.split(b"\r\n"))
    lengths = [int(value) for name, _, value in fields if name.lower() == b"content-length"]
    return bool(lengths) and len(content) >= lengths[0]


def sweep(port, target):
    bad = 0
    for step in range(320):
        time.sleep(0.015 + step % 160 * 0.00005)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("POST", target, body="x=1")
        bad += connection.getresponse().status == 502
        connection.close()
    print(bad)


def main():
    port, target = int(sys.argv[1]), sys.argv[2]
    if sys.argv[3] == "sweep":
        return sweep(port, target)
    seconds = float(sys.argv[3])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(PATIENCE)
        connection.sendall(request("GET", target, ""))
        answer(connection)
        time.sleep(seconds)
        try:
            connection.sendall(request("POST", target, "x=1"))
            answer(connection)
        except OSError:
            pass  # what became of it is for the packets to tell


main()
