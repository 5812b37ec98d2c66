"""Throughput and latency of a server under load, beside the most that its model can do:

    python bench/load.py --data test.tsv.gz

Real texts go to a real server in a process of its own. The ceiling is the model called in this
process, on the same texts, all at once and sorted, without HTTP and without tokenizing. Ceiling and
server take turns, and a ratio is the median of the turns' ratios, so that a change of the machine's
speed hits both.
"""

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import uvloop

from bench.callers import Outcome, Pool, Single, post
from conveyor import SHIPPED
from conveyor.model.artifact import storage
from conveyor.model.data.examples import read_examples
from conveyor.model.inference.classifier import Classifier, use_threads, used_threads
from conveyor.model.text.tokenizer import Encoding
from conveyor.service.process.cores import cores

MANY = 32  # concurrent clients
RATE_SECONDS = 2
CONNECTIONS = 780  # in the overload; the server's own limit is 800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="labelled texts, as conveyor evaluate reads")
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--texts", type=int, default=2500, help="texts a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of each open loop")
    parser.add_argument("--overload-seconds", type=float, default=60)
    parser.add_argument("serve", nargs="*", help="flags of the server, after --")
    arguments = parser.parse_args()
    classifier = storage.load(arguments.model).classifier
    texts = [e.text for e in read_examples(arguments.data)][:: 25_000 // arguments.texts]
    texts = texts[: arguments.texts]
    encodings = classifier.encode(texts)
    encodings = [encoding.last(classifier.config.max_tokens) for encoding in encodings]
    tokens = sum(map(len, encodings)) / len(texts)
    print(f"{len(texts)} texts of {tokens:.0f} tokens on average; {cores()} cores", end="; ")
    print(f"server: {' '.join(arguments.serve) or 'defaults'}\n", flush=True)
    with serving(arguments.model, arguments.serve) as (process, port):
        info = httpx.get(f"http://127.0.0.1:{port}/info").json()
        use_threads(info["threads"])
        print(f"{info['workers']} workers; {info['threads']} threads for the model, here and there")
        uvloop.run(_measure(classifier, texts, encodings, process, port, arguments))


@contextlib.contextmanager
def serving(model: Path, flags: Sequence[str]) -> Iterator[tuple["subprocess.Popen[str]", int]]:
    """Start a server as an operator does; yields its process and port."""
    command = [
        sys.executable,
        "-m",
        "conveyor.service.cli",
        "serve",
        "--model",
        str(model),
        "--port",
        "0",
    ]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--log-level", "warning", *flags],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    found = re.search(r":(\d+) ", process.stdout.readline())
    assert found, "the server did not start"
    try:
        yield process, int(found.group(1))
    finally:
        process.terminate()
        process.wait()


async def _measure(
    classifier: Classifier,
    texts: Sequence[str],
    encodings: Sequence[Encoding],
    process: "subprocess.Popen[str]",
    port: int,
    arguments: argparse.Namespace,
) -> None:
    requests = [post(text) for text in texts]
    many = Pool(port)
    await many.connect(MANY)
    classifier.predict(encodings)
    await many.closed_loop(requests)

    _added_latency(classifier, encodings, requests, port)
    capacity = await _closed(classifier, encodings, requests, many, arguments.rounds)
    many.close()
    pool = Pool(port)
    await pool.connect(CONNECTIONS)
    print("\n| load | requests a second | p50 ms | p95 ms | p99 ms | refused |")
    print("| --- | --- | --- | --- | --- | --- |")
    for share in (0.25, 0.5, 0.8):
        outcome = await pool.open_loop(requests, share * capacity, arguments.seconds)
        _print_open(f"{share:g} of the capacity", outcome)
    if arguments.overload_seconds:
        await _overload(requests, pool, capacity, process, port, arguments)
    pool.close()


def _added_latency(
    classifier: Classifier, encodings: Sequence[Encoding], requests: Sequence[bytes], port: int
) -> None:
    """Time one client beside the bare model call, on each of the same texts."""
    single = Single(port)
    bare, added = [], []
    for encoding, request in zip(encodings[:500], requests[:500], strict=True):
        started = time.perf_counter()
        classifier.predict([encoding])
        bare.append(time.perf_counter() - started)
        added.append(single.ask(request) - bare[-1])
    single.close()
    print(
        f"one client: bare model call {statistics.median(bare) * 1000:.2f} ms at the median", end=""
    )
    print(f"; the server adds {statistics.median(added) * 1000:.2f} ms at the median\n", flush=True)


async def _closed(
    classifier: Classifier,
    encodings: Sequence[Encoding],
    requests: Sequence[bytes],
    many: Pool,
    rounds: int,
) -> float:
    """Run many clients in turn with the ceiling; returns texts a second."""
    print(
        "| round | ceiling | on all cores | served | share of ceiling | share of all cores "
        "| p50 ms | p95 ms | p99 ms |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    shares, shares_of_all, rates = [], [], []
    for number in range(rounds):
        ceiling = _ceiling(classifier, encodings, used_threads())
        ceiling_of_all = _ceiling(classifier, encodings, cores())
        outcome = await many.closed_loop(requests)
        assert set(outcome.seconds) == {200}, outcome.seconds.keys()
        rates.append(outcome.rate())
        shares.append(outcome.rate() / ceiling)
        shares_of_all.append(outcome.rate() / ceiling_of_all)
        quantiles = " | ".join(f"{outcome.ms(share):.1f}" for share in (0.5, 0.95, 0.99))
        figures = f"{ceiling:.0f} | {ceiling_of_all:.0f} | {rates[-1]:.0f} | {shares[-1]:.2f} | "
        print(f"| {number + 1} | {figures}{shares_of_all[-1]:.2f} | {quantiles} |", flush=True)
    own, of_all = statistics.median(shares), statistics.median(shares_of_all)
    print(f"\n{MANY} clients, medians: {own:.0%} of the ceiling, {of_all:.0%} of that on all cores")
    return statistics.median(rates)


def _ceiling(classifier: Classifier, encodings: Sequence[Encoding], threads: int) -> float:
    """Time the model alone, in its best batches; returns texts a second."""
    own = used_threads()
    use_threads(threads)
    started = time.perf_counter()
    classifier.predict(encodings)
    elapsed = time.perf_counter() - started
    use_threads(own)
    return len(encodings) / elapsed


async def _overload(
    requests: Sequence[bytes],
    pool: Pool,
    capacity: float,
    process: "subprocess.Popen[str]",
    port: int,
    arguments: argparse.Namespace,
) -> None:
    """Send five times the capacity."""
    one = Pool(port)
    await one.connect(1)
    sample = list(requests[:20])
    before = await one.closed_loop(sample * 5)
    memory = resident(process.pid)
    rates: list[float] = []
    watching = asyncio.create_task(_watch_rate(port, rates))
    outcome = await pool.open_loop(requests, 5 * capacity, arguments.overload_seconds)
    watching.cancel()
    after = []
    for _ in range(5):
        after.append(await one.closed_loop(sample))
        await asyncio.sleep(0.1)
    _print_open("5 times the capacity", outcome)
    refused = outcome.seconds.get(429, [0.0])
    quantiles = [float(np.quantile(refused, share)) * 1000 for share in (0.5, 0.99)]
    print(f"\nfor {arguments.overload_seconds:g} s: {outcome.count(200)} answered", end="; ")
    print(f"{len(refused)} refused, p50 {quantiles[0]:.1f} ms, p99 {quantiles[1]:.1f} ms", end="; ")
    print(f"others: {sorted(outcome.seconds.keys() - {200, 429})}; ", end="")
    print(f"{outcome.unsent} not sent, as all {CONNECTIONS} connections waited")
    limits = httpx.get(f"http://127.0.0.1:{port}/info").json()["limits"]  # noqa: ASYNC210 - alone
    mean, slowest = (limits["max_queued_tokens"] / rate for rate in (np.mean(rates), min(rates)))
    print(f"{np.mean(rates):.0f} tokens/s were read: a full queue is {mean:.2f} s of work", end="")
    print(f", in the slowest {RATE_SECONDS:g} s {slowest:.2f} s; ", end="")
    median, most = (float(np.quantile(outcome.queued, share)) for share in (0.5, 0.99))
    print(f"in the queue: p50 {median:.2f} s, p99 {most:.2f} s")
    print(f"memory: {memory:.0f} MB before, {resident(process.pid):.0f} MB after")
    late = " ".join(f"{result.ms(0.5):.1f}" for result in after)
    print(f"one client: p50 {before.ms(0.5):.1f} ms before; right afterwards: {late}")
    one.close()


async def _watch_rate(port: int, rates: list[float]) -> None:
    """Append the tokens a second that the model reads, again and again."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        read, at = None, 0.0
        while True:
            text = (await client.get("/metrics")).text
            found = re.search(r'conveyor_batch_tokens_sum\{kind="predict"\} (\S+)', text)
            assert found
            tokens, now = float(found.group(1)), time.perf_counter()
            if read is not None:
                rates.append((tokens - read) / (now - at))
            read, at = tokens, now
            await asyncio.sleep(RATE_SECONDS)


def _print_open(name: str, outcome: Outcome) -> None:
    quantiles = " | ".join(f"{outcome.ms(share):.1f}" for share in (0.5, 0.95, 0.99))
    refused = sum(map(len, outcome.seconds.values())) - outcome.count(200)
    print(f"| {name} | {outcome.rate():.0f} | {quantiles} | {refused} |", flush=True)


def resident(pid: int) -> float:
    """Read the resident memory of a process and its children, in MB."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
