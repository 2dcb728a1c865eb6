"""Holds connections to URL, each asking again and again within the time the server announced in Keep-Alive, and does
not connect anew when a response says close.

Arguments: URL, path, connections, seconds. Prints `asked=N failed=N closed=N`: closed are the connections that ended as
they should, by a response that said close or with the time. A failure: no whole answer, another status, a connection
that ends before it was announced."""
import http.client
import random
import sys
import threading
import time
import urllib.parse

url, path, connections, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
address = urllib.parse.urlsplit(url).netloc
end = time.monotonic() + seconds
lock = threading.Lock()
asked, closed, failed = 0, 0, []


def announced(response):
    for parameter in (response.getheader("Keep-Alive") or "").split(","):
        name, _, value = parameter.partition("=")
        if name.strip() == "timeout":
            return float(value)
    raise ValueError("no Keep-Alive: timeout in a response that persists")


def hold(random):
    global asked, closed
    connection = http.client.HTTPConnection(address, timeout=20)
    connection.auto_open = False
    try:
        connection.connect()
        while True:
            with lock:
                asked += 1
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                raise ValueError(f"status {response.status}")
            if response.will_close or time.monotonic() > end:
                break
            time.sleep(random.uniform(0, 0.95) * announced(response))
    except Exception as error:  # whatever it is, the request failed
        with lock:
            failed.append(repr(error))
        return
    finally:
        connection.close()
    with lock:
        closed += 1


threads = [threading.Thread(target=hold, args=(random.Random(n),)) for n in range(connections)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for error in failed[:10]:
    print(error, file=sys.stderr)
print(f"asked={asked} failed={len(failed)} closed={closed}")
sys.exit(bool(failed))
