"""Costs of several workers: `python bench/workers.py`.

Seconds until all are ready and until one that is killed has a successor, and the memory of each
after some thousand predictions. With --tree, of another checkout.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "conveyor.service.cli", "serve", "--port", "0", "--workers"]
TEXTS = ["A wonderful, moving film, dull in the middle. " * size for size in range(1, 30)]
REQUESTS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="checkout to measure; by default this one"
    )
    parser.add_argument("--workers", type=int, default=4)
    arguments = parser.parse_args()
    started = time.perf_counter()
    process = subprocess.Popen(
        [*COMMAND, str(arguments.workers)],
        cwd=arguments.tree,
        env=os.environ | {"PYTHONPATH": str(arguments.tree), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    [url] = re.findall(r"(http://\S+) -", process.stdout.readline())
    print(f"all are ready after {time.perf_counter() - started:.1f} s\n")
    with httpx.Client(base_url=url) as client:
        for _ in range(REQUESTS):
            client.post("/predict", json={"inputs": TEXTS}).raise_for_status()
        workers = children(process.pid)
        print("| MB | resident | proportional | not shared |\n| --- | --- | --- | --- |")
        for name, pid in [("parent", process.pid), *(("worker", pid) for pid in workers)]:
            print(f"| {name} | {' | '.join(f'{number:.0f}' for number in memory(pid))} |")
        total = sum(memory(pid)[1] for pid in [process.pid, *workers])
        print(f"\nin all {total:.0f} MB", end="; ")
        killed = time.perf_counter()
        os.kill(workers[-1], signal.SIGKILL)
        while set(children(process.pid)) <= set(workers) or not ready(client, arguments.workers):
            time.sleep(0.02)
        print(f"a replacement is ready {time.perf_counter() - killed:.2f} s after one was killed")
    process.terminate()
    process.wait()


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
