"""Costs of hostile requests: `python bench/hostile.py`.

Each row is a server of its own, an attacker in a process of its own, and a heartbeat: how long
/livez took at worst, how far the server's memory rose above its start, and where it was in the end.
To compare two versions, name the other checkout: `--tree DIR`.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from threading import Thread

from bench.startup import program

BEAT = 0.02
MOST_SECONDS = 60
OK = 200
HEADER_BYTES = 200_000_000
PATIENCE = 30  # seconds that a caller waits beside others
SETTLES = 3.0  # seconds after an attack, until memory is read again


@dataclass(frozen=True)
class Target:
    host: str
    port: int

    def connect(self, small: bool = False) -> socket.socket:
        own = socket.socket()
        own.settimeout(MOST_SECONDS)
        if small:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        own.connect((self.host, self.port))
        return own

    def ask(self, path: str, body: object = None, **headers: str) -> tuple[int, int]:
        """Send a request; returns status and size of the answer, 0 for none."""
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection = HTTPConnection(self.host, self.port, timeout=MOST_SECONDS)
        try:
            method = "GET" if sent is None else "POST"
            connection.request(method, path, sent, {"content-type": "application/json"} | named)
            answer = connection.getresponse()
            return answer.status, len(answer.read())
        except (OSError, HTTPException):
            return 0, 0
        finally:
            connection.close()


def head(path: str, length: int, accept: str = "*/*") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n"
        f"accept: {accept}\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


def together(count: int, work: Callable[[], object]) -> None:
    threads = [Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


SAFETENSORS = "application/vnd.safetensors"


def units_copied(target: Target, times: int = 400) -> str:
    body = {"inputs": "film", "tensors": ["forget_gate"], "units": [":"] * times}
    return str(target.ask("/states", body, accept=SAFETENSORS))


def units_copied_more(target: Target) -> str:
    return units_copied(target, 2000)


def units_listed(target: Target) -> str:
    return str(target.ask("/states", {"inputs": "", "tensors": [], "units": [":"] * 36_000}))


def wrong_items(target: Target) -> str:
    return str(target.ask("/predict", {"inputs": [1] * 1_000_000}))


def wrong_units(target: Target) -> str:
    return str(target.ask("/states", {"inputs": "a", "units": [""] * 300_000}))


def many_names(target: Target) -> str:
    return str(target.ask("/predict", {f"x{number}": 0 for number in range(300_000)}))


def exclamations(target: Target) -> str:
    texts = ["!" * 131_072] * 31
    body = {"inputs": texts, "truncate": True, "tensors": [], "units": [0], "steps": "0:0"}
    return str(target.ask("/states", body))


def white_space(target: Target) -> str:
    texts = ["A film." + " " * 131_000] * 31
    return str(target.ask("/predict", {"inputs": texts, "truncate": True}))


def silent(target: Target) -> str:
    held = [target.connect() for _ in range(801)]
    started = time.perf_counter()
    while target.ask("/predict", {"inputs": "a"})[0] != OK:
        if time.perf_counter() - started > PATIENCE:
            return f"nobody is served beside {len(held)} of them"
        time.sleep(0.1)
    return f"a caller waits {time.perf_counter() - started:.1f} s"


def slow_readers(target: Target) -> str:
    body = json.dumps({"inputs": " ".join(["film"] * 1800)}).encode()
    held = [target.connect(small=True) for _ in range(30)]
    for own in held:
        own.sendall(head("/states", len(body), SAFETENSORS) + body)
    time.sleep(PATIENCE)
    return f"{len(held)} of them for 30 s"


def endless_headers(target: Target) -> str:
    own = target.connect()
    sent = 0
    with contextlib.suppress(OSError):
        own.sendall(b"GET /livez HTTP/1.1\r\nhost: a\r\n")
        while sent < HEADER_BYTES:
            own.sendall(b"x: " + b"a" * 4000 + b"\r\n")
            sent += 4005
    return f"{sent:,} bytes sent"


def small_chunks(target: Target) -> str:
    own = target.connect()
    with contextlib.suppress(OSError):
        own.sendall(
            head("/predict", 0).replace(b"content-length: 0", b"transfer-encoding: chunked")
        )
        own.sendall(b"1\r\n \r\n" * 4_000_000)
        return own.recv(20).decode()
    return "reset"


def half_bodies(target: Target) -> str:
    held = [target.connect() for _ in range(300)]
    for own in held:
        with contextlib.suppress(OSError):
            own.sendall(head("/predict", 4_000_000) + b" " * 3_999_999)
    return f"{len(held)} bodies of 4 MB, but for a byte"


def all_lengths(target: Target) -> str:
    started = time.perf_counter()
    for number in range(1, 1400):
        body = {"inputs": "film " * (number * 613 % 1000 + 1), "tensors": [], "units": [0]}
        target.ask("/states", body)
        if time.perf_counter() - started > MOST_SECONDS:
            break
    return f"{number} texts"


def many_connections(target: Target) -> str:
    held = [target.connect() for _ in range(1100)]
    seen = [target.ask("/livez")[0] for _ in range(5)]
    return f"/livez beside {len(held)}: {seen}"


def zstd(target: Target) -> str:
    body = {"inputs": "a wonderful moving film " * 80, "units": ["0:16"]}
    seen: set[tuple[int, int]] = set()

    def work() -> None:
        for _ in range(40):
            seen.add(target.ask("/states", body, accept_encoding="zstd"))

    together(4, work)
    return f"statuses {sorted({status for status, _ in seen})}"


def large_json(target: Target) -> str:
    body = {"inputs": " ".join(["film"] * 650)}
    seen: list[tuple[int, int]] = []
    together(12, lambda: seen.append(target.ask("/states", body, accept_encoding="gzip")))
    return f"statuses {sorted(status for status, _ in seen)}"


CASES: dict[str, Callable[[Target], str]] = {
    "`units` names all 400 times, 1.6 KB": units_copied,
    "the same 2,000 times, 8 KB": units_copied_more,
    "`units` of 144 KB, no tensors": units_listed,
    "1,000,000 wrong items": wrong_items,
    "300,000 wrong units": wrong_units,
    "300,000 unknown names": many_names,
    "4 MB of `!`, to be cut": exclamations,
    "4 MB of white space": white_space,
    "801 silent connections": silent,
    "1,100 connections, 1,024 files": many_connections,
    "30 callers that do not read 22 MB": slow_readers,
    "300 bodies that do not end": half_bodies,
    "200 MB of headers": endless_headers,
    "4 MB in chunks of a byte": small_chunks,
    "/states of all lengths": all_lengths,
    "/states with zstd, 4 callers": zstd,
    "/states, 22 MB of JSON, 12 callers": large_json,
}


@contextlib.contextmanager
def serving(tree: Path, files: int) -> Iterator[tuple[Target, int]]:
    """Start a server of this checkout; yields it and its process id."""
    command = ["prlimit", f"--nofile={files}", sys.executable, "-m", program(tree), "serve"]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        [(host, port)] = re.findall(r"http://([\d.]+):(\d+)", process.stdout.readline())
        yield Target(host, int(port)), process.pid
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def resident(pid: int) -> float:
    """Read a process's resident memory, in MB; 0 if it is no more."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def attacked(case: str, target: Target, told: "SimpleQueue[str]") -> None:
    told.put(CASES[case](target))
    time.sleep(SETTLES)  # with its connections open


def measure(case: str, tree: Path, files: int) -> str:
    """Measure a case; returns its row of the table."""
    with serving(tree, files) as (target, pid):
        target.ask("/states", {"inputs": "a fine film"})
        start = peak = resident(pid)
        worst = 0.0
        told: SimpleQueue[str] = multiprocessing.SimpleQueue()
        attacker = multiprocessing.Process(target=attacked, args=(case, target, told), daemon=True)
        attacker.start()
        end = time.perf_counter() + 2 * MOST_SECONDS
        while attacker.is_alive() and time.perf_counter() < end:
            began = time.perf_counter()
            status, _ = target.ask("/livez")
            worst = max(worst, time.perf_counter() - began) if status else float("inf")
            peak = max(peak, resident(pid))
            time.sleep(BEAT)
        after = resident(pid)
        said = told.get() if not told.empty() else "did not end"
        attacker.kill()
        lived = "" if after else "; **the server died**"
        heart = f"{1000 * worst:,.0f}" if worst < float("inf") else "no answer"
        return (
            f"| {case} | {heart} | {peak - start:+,.0f} | {after - start:+,.0f} | {said}{lived} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[1])
    parser.add_argument("--only", default="", help="attacks with this in their names")
    arguments = parser.parse_args()
    print(
        "| attack | slowest /livez, ms | most memory, MB | memory in the end, MB "
        "| attacker's answer |"
    )
    print("| --- | --- | --- | --- | --- |")
    for case in CASES:
        if arguments.only in case:
            files = 1024 if "files" in case else 16_384
            print(measure(case, arguments.tree.resolve(), files), flush=True)


if __name__ == "__main__":
    main()
