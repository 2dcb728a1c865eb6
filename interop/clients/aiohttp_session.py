"""An aiohttp.ClientSession does a plan: see lib.sh."""

import asyncio

import aiohttp
import yarl

from plan import Plan, parts

plan = Plan()


async def content(step):
    for part in parts(step.file):
        yield part


async def exchange(session, step):
    data = None
    if step.method == "PUT":
        data = content(step) if step.chunked else step.file.read_bytes()
    async with session.request(step.method, yarl.URL(plan.url + step.path, encoded=True), data=data) as answer:
        plan.judge(step, answer.status, answer.headers.get("Content-Length"), await answer.read())


async def work(session):
    for step in plan.steps:
        if step.method == "PAUSE":
            await asyncio.sleep(step.status)
            continue
        try:
            await exchange(session, step)
        except (aiohttp.ClientError, asyncio.TimeoutError) as error:
            plan.failed(step, repr(error))


async def opened(*_):
    plan.opened += 1


async def main():
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(opened)
    connector = aiohttp.TCPConnector(limit=plan.workers)
    limit = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(connector=connector, timeout=limit, trace_configs=[trace]) as session:
        await asyncio.gather(*(work(session) for _ in range(plan.workers)))
    plan.report()


asyncio.run(main())
