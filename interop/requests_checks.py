"""Checks of a server with requests: `requests_checks.py URL FOLDER`. A line `ok …` or `FAIL …` for each."""

import pathlib
import sys

import requests
import urllib3.util.connection

url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
session = requests.Session()
session.trust_env = False


def check(what, holds, seen=""):
    print(f"ok {what}" if holds else f"FAIL {what}: {seen}")


def call(method, path, **arguments):
    return session.request(method, url + path, timeout=30, allow_redirects=False, **arguments)


def counting(connect):
    """urllib3's own count is of connection objects, which it opens again after a close. So count the sockets."""

    def counted(*arguments, **named):
        global opened
        opened += 1
        return connect(*arguments, **named)

    return counted


opened = 0
urllib3.util.connection.create_connection = counting(urllib3.util.connection.create_connection)

for name in ("small-01.txt", "empty", "sub/looks-like-http", "big.bin"):
    answer = call("GET", "/" + name)
    check(f"GET {name}", answer.status_code == 200 and answer.content == (folder / name).read_bytes(), answer)

answer = call("HEAD", "/big.bin")
size = (folder / "big.bin").stat().st_size
check("HEAD", answer.status_code == 200 and answer.headers["Content-Length"] == str(size) and not answer.content, answer)

answer = call("PUT", "/in/put", data=(folder / "big.bin").open("rb"))
check("PUT of an open file", answer.status_code == 201, answer)
check("goes with its length", answer.request.headers.get("Content-Length") == str(size), answer.request.headers)


def lines():
    for number in range(1, 2001):
        yield f"line {number}\n".encode()


answer = call("PUT", "/in/generated", data=lines())
check("PUT of a generator", answer.status_code == 201, answer)
check("goes in chunks", answer.request.headers.get("Transfer-Encoding") == "chunked", answer.request.headers)

answer = call("POST", "/in/", data=b"posted")
check("POST", answer.status_code == 201 and "Location" in answer.headers, answer)
answer = call("GET", requests.compat.urlparse(answer.headers["Location"]).path)
check("its Location has it", answer.content == b"posted", answer)

answer = call("POST", "/in/", data=b"")
check("POST of nothing", answer.status_code == 201, answer)

answer = call("POST", "/in/", files={"file": ("form.txt", b"in a form")})
check("POST of a form", answer.status_code == 201, answer)
check("its file is there", call("GET", "/in/form.txt").content == b"in a form")

check("GET of what is not there", call("GET", "/none").status_code == 404)
check("DELETE is refused", call("DELETE", "/empty").status_code == 405)

with call("GET", "/big.bin", stream=True) as answer:
    read = sum(len(part) for part in answer.iter_content(1000))
check("GET as a stream", read == size, read)

check("all of it over one connection", opened == 1, opened)

answer = call("GET", "/empty", headers={"Connection": "close"})
check("Connection: close is echoed", answer.headers.get("Connection", "").lower() == "close", answer.headers)
call("GET", "/empty")
check("and obeyed: the next request needs a second connection", opened == 2, opened)
