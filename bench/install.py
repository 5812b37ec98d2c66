"""Seconds from a fresh clone to the first answer: `python -m bench.install`.

`make serve` installs from indexes on this machine, so without the time of downloads, which are some
230 MB: with uv and with pip, each with empty caches and, after `make clean`, with full ones.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.checkout import clone
from tests.package_index import PackageIndex, environment, proxying, serving

NOWHERE = "http://127.0.0.1:9"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        wheels = directory / "wheels"
        wheels.mkdir()
        index, certificate = PackageIndex(wheels), directory / "certificate.pem"
        checkout = clone(directory / "conveyor")
        with serving(index) as address, proxying(index, certificate) as proxy:
            served = {"PYTHON": sys.executable, "CONVEYOR_PORT": "0"}
            # Once for nothing: the index packs its wheels when they are asked for.
            variables = environment(directory / "first", address, proxy, certificate)
            first_answer(checkout, variables | served)
            print("| installed with | caches | seconds |\n| --- | --- | --- |")
            for tool, via in (("uv", proxy), ("pip", NOWHERE)):
                variables = environment(directory / tool, address, via, certificate)
                for caches in ("empty", "full"):
                    subprocess.run(["make", "--silent", "clean"], cwd=checkout, check=True)
                    seconds = first_answer(checkout, variables | served)
                    print(f"| {tool} | {caches} | {seconds:.0f} |", flush=True)


def first_answer(checkout: Path, variables: dict[str, str]) -> float:
    """Let `make serve` answer once; returns the seconds that it takes."""
    started = time.perf_counter()
    with subprocess.Popen(
        ["make", "serve"],
        cwd=checkout,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        address = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)))
        httpx.post(f"{address[0]}/predict", json={"inputs": "Wonderful!"}).raise_for_status()
        seconds = time.perf_counter() - started
        os.killpg(process.pid, signal.SIGTERM)
    return seconds


if __name__ == "__main__":
    main()
