"""Asks a proxy for PATH in bursts: LANES clients at once, each on its own connection, every PERIOD seconds give or take
JITTER, for SECONDS. Half of the requests are POSTs, after two bursts of GETs in which a proxy can see how long the application
keeps its connections. Prints what came of them, one number a word:
`requests get_502 post_502 unanswered other`. A client whose connection was closed without an answer connects anew."""
import asyncio
import random
import sys
import time

port, path = int(sys.argv[1]), sys.argv[2]
lanes, period, jitter, seconds = int(sys.argv[3]), *map(float, sys.argv[4:])
seen = dict.fromkeys(("requests", "get_502", "post_502", "unanswered", "other"), 0)


def request(method, name):
    content = b"x" * 100 if method == "POST" else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: test\r\nX-Request-Id: {name}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def answer(reader):
    """The status and whether another request may follow; the content is read and left."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = [line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:")]
    if length:
        await reader.readexactly(int(length[0]))
    elif "transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readuntil(b"\r\n")
    else:
        await reader.read()
    return int(head.split()[1]), bool(length or "chunked" in head) and "connection: close" not in head


async def lane(number, begin):
    chance, wires, bursts = random.Random(number), None, int(seconds / period)
    for burst in range(bursts):
        await asyncio.sleep(max(0, begin + burst * period + chance.uniform(-jitter, jitter) - time.monotonic()))
        method = chance.choice(("GET", "POST")) if burst >= 2 else "GET"
        seen["requests"] += 1
        wires = wires or await asyncio.open_connection("127.0.0.1", port)
        try:
            wires[1].write(request(method, f"{number}-{burst}"))
            status, stays = await asyncio.wait_for(answer(wires[0]), 20)
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            print(f"{method}: {error!r}", file=sys.stderr)
            seen["unanswered"] += 1
            stays = False
        else:
            if status == 502:
                seen[f"{method.lower()}_502"] += 1
            elif status != 200:
                print(f"{method}: {status}", file=sys.stderr)
                seen["other"] += 1
        if not stays:
            wires[1].close()
            wires = None
    if wires:
        wires[1].close()


async def main():
    begin = time.monotonic() + 0.1 + jitter
    await asyncio.gather(*(lane(number, begin) for number in range(lanes)))


asyncio.run(main())
print(*seen.values())
