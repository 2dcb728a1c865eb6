"""What the Python drivers share: the tour's requests one after the other, and what became of them. See README.md."""

import os
import ssl
import time
from typing import NamedTuple

TIMEOUT = 2  # seconds a request may take


class Step(NamedTuple):
    id: str
    method: str
    url: str
    content: bytes | None
    pause: float

    @property
    def headers(self):
        return {"X-Request-Id": self.id}


def trust():
    """A TLS context that trusts the server, or none where it speaks no TLS."""
    ca = os.environ.get("MISBEHAVE_CA")
    return ssl.create_default_context(cafile=ca) if ca else None


def lanes():
    """Each lane's steps. A client with a pool of its own is to take them."""
    found = {}
    with open(os.environ["MISBEHAVE_TOUR"]) as tour:
        for line in tour:
            lane, id, method, url, content, pause = line.rstrip("\n").split("\t")
            step = Step(id, method, url, None if method == "GET" else b"c" * int(content), int(pause) / 1000)
            found.setdefault(lane, []).append(step)
    return found.values()


def tell(step, result, detail):
    detail = " ".join(str(detail).split())
    with open(os.environ["MISBEHAVE_OUTCOMES"], "a") as outcomes:
        outcomes.write("\t".join([step.id, step.method, step.url, str(result), detail]) + "\n")


def drive(opened, ask):
    """`opened()` makes a client, a context manager; `ask(client, step)` returns status and fields, or raises."""
    for steps in lanes():
        with opened() as client:
            for step in steps:
                try:
                    status, fields = ask(client, step)
                    tell(step, status, fields.get("X-Request-Id", ""))
                except Exception as error:  # whatever a caller can get
                    tell(step, "error", repr(error))
                time.sleep(step.pause)
