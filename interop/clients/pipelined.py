"""Judges the answers to requests that went out without waiting: `pipelined.py FILE…` reads a connection's bytes from
standard input; they must be one answer with each file's bytes, in order, and nothing more."""

import pathlib
import sys

received = sys.stdin.buffer.read()
at = wrong = 0
for name in sys.argv[1:]:
    end = received.find(b"\r\n\r\n", at)
    if end < 0:
        wrong += 1
        continue
    head = received[at:end].split(b"\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head[1:])
    at = end + 4 + int(fields[b"content-length"])
    if not head[0].startswith(b"HTTP/1.1 200 ") or received[end + 4 : at] != pathlib.Path(name).read_bytes():
        print(f"wrong: {name}: {head[0]}")
        wrong += 1
if at != len(received):
    print(f"wrong: {len(received) - at} bytes follow the last answer")
    wrong += 1
print(f"requests={len(sys.argv) - 1} wrong={wrong} opened=1")
