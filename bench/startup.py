"""Costs of a start: `python bench/startup.py`.

Seconds until the help is there, until one process and several workers are ready, and until one that
is killed has a successor; the memory of each, ready and after some thousand predictions; and the
packages that are the dearest to import. With --tree, of another checkout.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
TEXTS = ["A wonderful, moving film, dull in the middle. " * size for size in range(1, 30)]
REQUESTS = 100
QUIET_SECONDS = 5
DEAREST = 10

# Runs a program, the module argv[2]. Into the file argv[1] it writes what the modules of each
# package took to import, those aside that they import themselves: milliseconds of CPU, and MB.
METER = """
import collections, json, os, runpy, sys, time

costs, inner = collections.defaultdict(lambda: [0, 0]), [[0, 0]]
importer = sys.modules["_frozen_importlib"]
load = importer._find_and_load

def now():
    pages = int(open("/proc/self/statm").read().split()[1])
    return 1e3 * time.process_time(), 1e-6 * pages * os.sysconf("SC_PAGE_SIZE")

def metered(name, *others):
    if name in sys.modules:
        return load(name, *others)
    package = name.partition(".")[0]
    package = "standard library" if package in sys.stdlib_module_names else package
    inner.append([0, 0])
    before = now()
    try:
        return load(name, *others)
    finally:
        whole = [end - start for start, end in zip(before, now())]
        nested = inner.pop()
        for kind, cost in enumerate(whole):
            costs[package][kind] += cost - nested[kind]
            inner[-1][kind] += cost

importer._find_and_load = metered
file, sys.argv = sys.argv[1], sys.argv[2:]
try:
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
finally:
    json.dump(costs, open(file, "w"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="checkout to measure; by default this one"
    )
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5, help="of the times")
    arguments = parser.parse_args()
    tree, rounds = arguments.tree.resolve(), range(arguments.rounds)
    several = ("--workers", str(arguments.workers))
    print("| seconds | median | least | most |\n| --- | --- | --- | --- |")
    tell_seconds("conveyor --help", [help_seconds(tree) for _ in rounds])
    tell_seconds("one process is ready", [start_seconds(tree) for _ in rounds])
    tell_seconds(
        f"{arguments.workers} workers are ready", [start_seconds(tree, *several) for _ in rounds]
    )
    print("\n| MB | resident | proportional | not shared |\n| --- | --- | --- | --- |")
    with serving(tree) as (process, client):
        tell_memory("one process, ready", process.pid)
        send(client, 1)
        tell_memory(f"one process, after {REQUESTS * len(TEXTS):,} texts", process.pid)
        time.sleep(QUIET_SECONDS)
        tell_memory(f"one process, {QUIET_SECONDS} s later", process.pid)
    with serving(tree, *several) as (process, client):
        send(client, 2 * arguments.workers)
        workers = children(process.pid)
        tell_memory("parent of several", process.pid)
        for pid in workers:
            tell_memory("worker", pid)
        total = sum(memory(pid)[1] for pid in [process.pid, *workers])
        print(f"\nin all {total:.0f} MB", end="; ")
        killed = time.perf_counter()
        os.kill(workers[-1], signal.SIGKILL)
        while set(children(process.pid)) <= set(workers) or not ready(client, len(workers)):
            time.sleep(0.02)
        print(f"a replacement is ready {time.perf_counter() - killed:.2f} s after one was killed")
    print("\n| package | ms of CPU | MB |\n| --- | --- | --- |")
    for package, (milliseconds, megabytes) in dearest(imports(tree)):
        print(f"| {package} | {milliseconds:.0f} | {megabytes:.1f} |")


def program(tree: Path) -> str:
    """Name the module of the command line; the packages were not always inside of conveyor."""
    return "conveyor.service.cli" if (tree / "conveyor" / "service").exists() else "service.cli"


def start(tree: Path, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """Start Python in a checkout."""
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@contextlib.contextmanager
def serving(tree: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Serve the shipped model, from the time when all are ready."""
    process = start(tree, ["-m", program(tree), "serve", "--port", "0", *flags])
    with announced(process) as url, httpx.Client(base_url=url) as client:
        yield process, client


@contextlib.contextmanager
def announced(process: subprocess.Popen[str]) -> Iterator[str]:
    """Wait until a server says its address, and end it in the end."""
    assert process.stdout is not None
    with process:
        try:
            [url] = re.findall(r"(http://\S+) -", process.stdout.readline())
            yield url
        finally:
            process.terminate()


def help_seconds(tree: Path) -> float:
    started = time.perf_counter()
    start(tree, ["-m", program(tree), "--help"]).communicate()
    return time.perf_counter() - started


def start_seconds(tree: Path, *flags: str) -> float:
    started = time.perf_counter()
    with serving(tree, *flags):
        return time.perf_counter() - started


def imports(tree: Path) -> dict[str, tuple[float, float]]:
    """Measure what the modules of each package take to import until a server is ready."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "costs.json")
        arguments = ["-c", METER, str(file), program(tree), "serve", "--port", "0"]
        with announced(start(tree, arguments)):
            pass
        costs: dict[str, tuple[float, float]] = json.loads(file.read_text())
        return costs


def dearest(costs: Mapping[str, tuple[float, float]]) -> list[tuple[str, tuple[float, float]]]:
    """List the packages that take the most time, the dearest first."""
    return sorted(costs.items(), key=lambda cost: cost[1], reverse=True)[:DEAREST]


def send(client: httpx.Client, callers: int) -> None:
    """Send the texts again and again, on new connections, so that each worker gets some."""

    def post(_: int) -> None:
        answer = client.post("/predict", json={"inputs": TEXTS}, headers={"connection": "close"})
        answer.raise_for_status()

    with ThreadPoolExecutor(callers) as pool:
        list(pool.map(post, range(REQUESTS)))


def tell_seconds(what: str, seconds: Sequence[float]) -> None:
    numbers = (statistics.median(seconds), min(seconds), max(seconds))
    print(f"| {what} | {' | '.join(f'{number:.2f}' for number in numbers)} |", flush=True)


def tell_memory(what: str, pid: int) -> None:
    print(f"| {what} | {' | '.join(f'{number:.0f}' for number in memory(pid))} |", flush=True)


def children(pid: int) -> list[int]:
    """List the process ids of a server's workers."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    tracker = "resource_tracker"  # of a Python that starts processes anew
    return [
        int(child) for child in found if tracker not in Path(f"/proc/{child}/cmdline").read_text()
    ]


def memory(pid: int) -> tuple[float, float, float]:
    """Read a process's memory in MB: resident; with shared pages by their share; not shared."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {name: int(number) for name, number, *_ in map(str.split, lines)}
    own = kib["Private_Clean:"] + kib["Private_Dirty:"]
    return kib["Rss:"] * 1.024e-3, kib["Pss:"] * 1.024e-3, own * 1.024e-3


def ready(client: httpx.Client, workers: int) -> bool:
    """Ask for readiness of all; a worker that just dies may have taken the connection."""
    try:
        return bool(client.get("/info").json()["ready_workers"] == workers)
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
