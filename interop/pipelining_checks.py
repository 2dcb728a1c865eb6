"""Checks of a server by pipelining: `pipelining_checks.py URL FOLDER`. A line `ok …` or `FAIL …` for each."""

import http.client
import io
import pathlib
import socket
import sys
from urllib.parse import urlsplit

address = urlsplit(sys.argv[1])
folder = pathlib.Path(sys.argv[2])
names = sorted(path.name for path in folder.glob("small-*.txt")) + ["empty", "sub/looks-like-http", "big.bin"]


def check(what, holds, seen=""):
    print(f"ok {what}" if holds else f"FAIL {what}: {seen}")


def connect():
    return socket.create_connection((address.hostname, address.port), timeout=30)


def request(method, path, *fields, content=b""):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {address.netloc}", *fields, "", ""]
    return "\r\n".join(lines).encode() + content


class Stream(io.BufferedReader):
    """Lets http.client parse one response after another from the same bytes, and not close them in between."""

    def makefile(self, *_):
        return self

    def close(self):
        pass


def answers(stream, methods):
    """Of one response for each method, in order: its status, its content, and whether it says close."""
    for method in methods:
        response = http.client.HTTPResponse(stream, method=method)
        response.begin()
        options = [option.strip().lower() for option in response.getheader("Connection", "").split(",")]
        yield response.status, response.read(), "close" in options


def exchange(sent, methods, half_close=False):
    """Sends all of `sent`, then reads the answers and whatever follows them until the server closes."""
    with connect() as connection:
        connection.sendall(sent)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        stream = Stream(connection.makefile("rb", buffering=0))
        received = list(answers(stream, methods))
        return received, stream.read()


def contents():
    return [(folder / name).read_bytes() for name in names]


sent = b"".join(request("GET", f"/{name}") for name in names[:-1]) + request("GET", f"/{names[-1]}", "Connection: close")
received, rest = exchange(sent, ["GET"] * len(names))
check(f"{len(names)} GETs in one write", [status for status, _, _ in received] == [200] * len(names), received)
check("answered in order, each whole", [content for _, content, _ in received] == contents())
check("the server closes after the last and sends nothing more", rest == b"", rest)
closes = [close for _, _, close in received]
check("and only the last says so", closes == [False] * (len(names) - 1) + [True], closes)

sent = b"".join(request("GET", f"/{name}") for name in names)
received, rest = exchange(sent, ["GET"] * len(names), half_close=True)
check("a client that closes its sending side is still answered", [content for _, content, _ in received] == contents())
check("to the end", rest == b"", rest)

with connect() as connection:
    stream = Stream(connection.makefile("rb", buffering=0))
    sent = request("GET", f"/{names[0]}") + request("HEAD", "/big.bin") + request("GET", f"/{names[1]}")
    for byte in sent:
        connection.sendall(bytes([byte]))
    received = [(status, content) for status, content, _ in answers(stream, ["GET", "HEAD", "GET"])]
    expected = [(200, contents()[0]), (200, b""), (200, contents()[1])]
    check("three requests byte by byte, a HEAD among them", received == expected, received)

sent = (
    request("PUT", "/in/one", "Content-Length: 3", content=b"one")
    + request("GET", "/in/one")
    + request("PUT", "/in/two", "Transfer-Encoding: chunked", content=b"2\r\ntw\r\n1;x=y\r\no\r\n0\r\nTrailer: t\r\n\r\n")
    + request("GET", "/in/two")
    + request("GET", "/none")
    + request("PUT", "/in/none", "Content-Length: 0")
    + b"\r\n"
    + request("GET", "/in/none", "Connection: close")
)
received, rest = exchange(sent, ["PUT", "GET"] * 2 + ["GET", "PUT", "GET"])
statuses = [status for status, _, _ in received]
check("uploads and downloads mixed", statuses == [201, 200, 201, 200, 404, 201, 200], statuses)
check("each sees what was stored before it", [received[i][1] for i in (1, 3, 6)] == [b"one", b"two", b""], received)

smuggled = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
both = ("Content-Length: 4", "Transfer-Encoding: chunked")
received, rest = exchange(request("GET", "/empty") + request("POST", "/in/", *both, content=b"0\r\n\r\n") + smuggled, ["GET", "POST"])
check("two lengths are refused", [status for status, _, _ in received] == [200, 400], received)
check("and nothing after them is answered", rest == b"", rest)
