"""Python requests: a Session for each lane."""

import os

import requests

from tour import TIMEOUT, drive


def opened():
    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("MISBEHAVE_CA", True)
    return session


def ask(session, step):
    answer = session.request(step.method, step.url, data=step.content, headers=step.headers, timeout=TIMEOUT)
    return answer.status_code, answer.headers


drive(opened, ask)
