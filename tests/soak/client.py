"""Asks an endpoint over a number of connections, and writes down every answer.

`python -m tests.soak.client ADDRESS BODY CONNECTIONS REQUESTS OUTPUT`: a line a request, with the
times of asking and of the answer (seconds since 1970), the status, and the model's digest. It asks
REQUESTS times at least, and goes on until its standard input is closed.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp


async def ask_on(address: str, body: bytes, connections: int, requests: int, output: Path) -> None:
    asked = 0
    told_to_stop = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    headers = {"Content-Type": "application/json"}
    with output.open("w") as written:

        async def one(http: aiohttp.ClientSession) -> None:
            nonlocal asked
            while asked < requests or not told_to_stop.done():
                asked += 1
                began = time.time()
                try:
                    async with http.post(address, data=body, headers=headers) as answer:
                        content, status = await answer.read(), answer.status
                    told = json.loads(content)["model"]["digest"] if status == 200 else "-"
                except (aiohttp.ClientError, TimeoutError) as error:
                    status, told = 0, type(error).__name__
                written.write(f"{began:.6f} {time.time():.6f} {status} {told}\n")

        connector = aiohttp.TCPConnector(limit=connections)
        async with aiohttp.ClientSession(connector=connector) as http:
            await asyncio.gather(*(one(http) for _ in range(connections)))


if __name__ == "__main__":
    where, what, count, total, to = sys.argv[1:]
    asyncio.run(ask_on(where, Path(what).read_bytes(), int(count), int(total), Path(to)))
