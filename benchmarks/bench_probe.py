"""What asking through `trueup.probe` costs over a bare asyncio client doing the same.

    python benchmarks/bench_probe.py [--requests 1500] [--concurrency 64] [--delay-ms 0 100]

A server in a process of its own answers every chat completion after a fixed delay. All clients
ask it the same questions over the same number of connections, in turns. The bare ones are a bounded
number of asyncio tasks, each posting JSON and reading the text out of the answer, over one
`httpx.AsyncClient` for all, as is usual, or over one for each task; they keep nothing and retry
nothing. The probe goes from the suite to the rows, with an empty cache each time.

Added latency is the time of a request less the server's delay. Medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection

import httpx

from trueup.probe import Prompt, Suite, probe

_BODY = (
    b'{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"finish_reason":"stop","message":{"role":"assistant","content":"' + b"word " * 80 + b'"}}],'
    b'"usage":{"prompt_tokens":12,"completion_tokens":80,"total_tokens":92}}'
)
_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(_BODY)).encode()
    + b"\r\n\r\n"
    + _BODY
)


@dataclass(frozen=True)
class Round:
    """Requests per second over the whole run, and the latencies, ms."""

    rate: float
    latencies: Sequence[float]


class _Server(asyncio.Protocol):
    """Just enough HTTP: one request at a time on a connection, its length in a header."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._data = b""
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, _ANSWER)
        else:
            self._transport.write(_ANSWER)


def _serve(delay_s: float, told: Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Server(delay_s), "127.0.0.1", 0, backlog=1024)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def bare(url: str, suite: Suite, concurrency: int, *, clients: int) -> Round:
    latencies: list[float] = []
    size = concurrency // clients

    async def main() -> None:
        secure = httpx.create_ssl_context()
        limits = httpx.Limits(max_connections=size, max_keepalive_connections=size)
        opened = [
            httpx.AsyncClient(limits=limits, timeout=60, verify=secure) for _ in range(clients)
        ]
        queue = iter(suite.prompts)

        async def work(client: httpx.AsyncClient) -> None:
            for prompt in queue:
                start = time.perf_counter()
                messages = [{"role": "user", "content": prompt.prompt}]
                answer = await client.post(
                    f"{url}/chat/completions",
                    json={"model": "m", "messages": messages},
                    headers={"Authorization": "Bearer none"},
                )
                assert answer.json()["choices"][0]["message"]["content"]
                latencies.append(1000 * (time.perf_counter() - start))

        await asyncio.gather(*(work(opened[i % clients]) for i in range(concurrency)))
        for client in opened:
            await client.aclose()

    start = time.perf_counter()
    asyncio.run(main())
    return Round(len(latencies) / (time.perf_counter() - start), latencies)


def probed(url: str, suite: Suite, concurrency: int) -> Round:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = probe("m", suite, api_base=url, concurrency=concurrency, cache_dir=folder)
        spent = time.perf_counter() - start
    assert run.versions[0].answered == len(run.rows) == len(suite.prompts)
    return Round(len(run.rows) / spent, [row["latency_ms"] for row in run.rows])


def percentile(rounds: Sequence[Round], percent: int, delay_ms: float) -> float:
    """Median over the rounds of a percentile of the added latency, ms."""
    cuts = [statistics.quantiles(each.latencies, n=100)[percent - 1] for each in rounds]
    return statistics.median(cuts) - delay_ms


def compare(delay_ms: float, requests: int, concurrency: int, rounds: int) -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(delay_ms / 1000, there), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/v1"
    suite = Suite("bench@1", tuple(Prompt(f"p{i}", f"Question {i}?") for i in range(requests)))
    clients = {
        "bare, one client": partial(bare, clients=1),
        "bare, one each": partial(bare, clients=concurrency),
        "trueup probe": probed,
    }
    found: dict[str, list[Round]] = {name: [] for name in clients}
    for number in range(rounds + 1):
        for name, client in clients.items():
            done = client(url, suite, concurrency)
            if number:  # the first round warms up
                found[name].append(done)
    server.terminate()
    print(f"\nserver delay {delay_ms:g} ms, {concurrency} at once, {requests:,} requests")
    print(f"{'':<18}{'requests/s':>10}{'added p50':>13}{'added p99':>13}")
    figures = {
        name: (
            statistics.median(each.rate for each in done),
            percentile(done, 50, delay_ms),
            percentile(done, 99, delay_ms),
        )
        for name, done in found.items()
    }
    for name, (rate, p50, p99) in figures.items():
        print(f"{name:<18}{rate:>10,.0f}{p50:>10.1f} ms{p99:>10.1f} ms")
    for name in list(clients)[:-1]:
        ratios = [
            ours / theirs
            for ours, theirs in zip(figures["trueup probe"], figures[name], strict=True)
        ]
        print(f"probe / {name:<10} requests/s {ratios[0]:.2f}, p99 {ratios[2]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--delay-ms", type=float, nargs="+", default=[0, 100])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    for delay_ms in args.delay_ms:
        compare(delay_ms, args.requests, args.concurrency, args.rounds)


if __name__ == "__main__":
    main()
