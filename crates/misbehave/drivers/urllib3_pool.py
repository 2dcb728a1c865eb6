"""urllib3: a PoolManager for each lane, with its default Retry."""

import urllib3

from tour import TIMEOUT, drive, trust


def opened():
    return urllib3.PoolManager(ssl_context=trust(), timeout=TIMEOUT)


def ask(pool, step):
    answer = pool.request(step.method, step.url, body=step.content, headers=step.headers)
    return answer.status, answer.headers


drive(opened, ask)
