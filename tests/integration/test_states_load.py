"""A large answer: what it costs in memory, and that the server still hears everybody else."""

import threading
import time
from pathlib import Path

import httpx
import pytest
import safetensors.numpy

from tests.integration.conftest import SHIPPED, serving

TOKENS = 2000
RESPONSE = TOKENS * 256 * 6 * 4
LONG = "wonderful story " * (TOKENS // 2)


def peak(process: int) -> int:
    """The most memory that a process has had since `forget_peak`, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the kernel does not say")


def forget_peak(process: int) -> None:
    Path(f"/proc/{process}/clear_refs").write_text("5")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_a_large_answer_takes_little_memory_and_blocks_nobody(tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    with serving(SHIPPED, tmp_path / "log") as server:

        def ask(inputs: str) -> None:
            headers = {"accept": "application/vnd.safetensors"}
            answers.append(
                httpx.post(
                    f"{server.url}/states", json={"inputs": inputs}, headers=headers, timeout=60
                )
            )

        ask("warm up " * 20)
        forget_peak(server.process.pid)
        before = peak(server.process.pid)
        waits: list[float] = []
        asking = threading.Thread(target=ask, args=[LONG])
        asking.start()
        with httpx.Client(base_url=server.url) as client:
            while asking.is_alive():
                started = time.perf_counter()
                client.get("/livez")
                waits.append(time.perf_counter() - started)
                time.sleep(0.002)
        asking.join()
        added = peak(server.process.pid) - before
    assert answers[-1].status_code == 200
    arrays = safetensors.numpy.load(answers[-1].content)
    assert arrays["text0.layer0.forward.cell"].shape == (TOKENS, 256)
    assert len(answers[-1].content) >= RESPONSE
    assert added <= 3 * len(answers[-1].content), added / len(answers[-1].content)
    assert len(waits) > 5
    assert max(waits) < 0.05, sorted(waits)[-5:]
