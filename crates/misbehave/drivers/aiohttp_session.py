"""aiohttp: a ClientSession for each lane."""

import asyncio

import aiohttp

from tour import TIMEOUT, lanes, tell, trust


async def ask(session, step):
    async with session.request(step.method, step.url, data=step.content, headers=step.headers) as answer:
        await answer.read()
        return answer.status, answer.headers


async def main():
    context = trust() or True
    for steps in lanes():
        connector = aiohttp.TCPConnector(ssl=context)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            for step in steps:
                try:
                    status, fields = await ask(session, step)
                    tell(step, status, fields.get("X-Request-Id", ""))
                except Exception as error:  # whatever a caller can get
                    tell(step, "error", repr(error))
                await asyncio.sleep(step.pause)


asyncio.run(main())
