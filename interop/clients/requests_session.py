"""A requests.Session does a plan: see lib.sh."""

import threading
import time

import requests
import requests.adapters
import urllib3.util.connection

from plan import Plan, parts

plan = Plan()
session = requests.Session()
session.trust_env = False
session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=plan.workers, pool_block=True))
turn = threading.Lock()
connect = urllib3.util.connection.create_connection


def counted(*arguments, **named):
    """urllib3's own count is of connection objects, which it opens again after a close. So count the sockets."""
    with turn:
        plan.opened += 1
    return connect(*arguments, **named)


urllib3.util.connection.create_connection = counted


def content(step):
    if step.method != "PUT":
        return None
    return parts(step.file) if step.chunked else step.file.read_bytes()


def work():
    while True:
        with turn:
            step = next(plan.steps, None)
        if step is None:
            return
        if step.method == "PAUSE":
            time.sleep(step.status)
            continue
        try:
            answer = session.request(step.method, plan.url + step.path, data=content(step), timeout=20)
        except requests.RequestException as error:
            with turn:
                plan.failed(step, error)
            continue
        with turn:
            plan.judge(step, answer.status_code, answer.headers.get("Content-Length"), answer.content)


workers = [threading.Thread(target=work) for _ in range(plan.workers)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
plan.report()
