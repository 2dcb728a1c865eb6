"""What the Python clients share: a plan's lines, and the judgement of an answer. See lib.sh for what a plan is."""

import pathlib
import sys
from typing import NamedTuple


class Step(NamedTuple):
    method: str
    status: int
    path: str
    file: pathlib.Path
    chunked: bool


class Plan:
    """Command line: PLAN URL FOLDER WORKERS."""

    def __init__(self):
        _, plan, self.url, folder, workers = sys.argv
        self.workers = int(workers)
        self.requests = self.wrong = self.opened = 0
        lines = pathlib.Path(plan).read_text().splitlines()
        self.steps = iter([self._step(pathlib.Path(folder), *line.split("\t")) for line in lines])

    @staticmethod
    def _step(folder, method, status, path, file, framing):
        return Step(method, int(status), path, folder / file, framing == "chunked")

    def judge(self, step, status, length, content):
        """Counts the answer; `length` is its Content-Length as text, or None."""
        self.requests += 1
        why = None
        if status != step.status:
            why = f"status {status}"
        elif step.method == "HEAD" and (content or length != str(step.file.stat().st_size)):
            why = f"length {length}, {len(content)} bytes"
        elif step.method == "GET" and status == 200 and content != step.file.read_bytes():
            why = f"other bytes, {len(content)} of them"
        if why:
            self.failed(step, why)

    def failed(self, step, why):
        self.wrong += 1
        print(f"wrong: {step}: {why}")

    def report(self):
        print(f"requests={self.requests} wrong={self.wrong} opened={self.opened}")


def parts(file):
    """The file in parts, so that its length is not known before."""
    with file.open("rb") as content:
        while part := content.read(10_000):
            yield part
