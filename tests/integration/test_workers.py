"""Several processes behind one address."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from conveyor.service.process.signals import IGNORED
from tests.integration.conftest import LONG_TEXT, UNHURRIED, accepted, counters, serving
from tests.process import PATIENCE, assert_one_sentence, conveyor, until

REQUESTS = 300


def children(pid: int) -> list[int]:
    """List the processes that serve."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ask(url: str) -> int:
    return httpx.post(f"{url}/predict", json={"inputs": "a wonderful film"}).status_code


def is_ready(url: str) -> bool:
    """Ask for readiness; false if the process that took the connection ends just now."""
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_metrics_add_up_and_nothing_is_written_to_the_disk(trained: Path, tmp_path: Path) -> None:
    """Nothing is missing when a temporary directory is cleaned up, full, or not to be written."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    variables = {"TMPDIR": str(temporary), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "none")}
    with serving(trained, tmp_path / "log", "--workers", "2", **variables) as pair:
        assert len(children(pair.process.pid)) == 2
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, [pair.url] * REQUESTS)) == {200}
        # Whichever process answers, the numbers are those of both.
        for _ in range(8):
            text = httpx.get(f"{pair.url}/metrics").text
            count = counters(text)
            assert count['conveyor_accepted_requests_total{route="/predict"}'] == REQUESTS
            assert count['conveyor_predictions_total{label="praise"}'] == REQUESTS
            assert count["conveyor_queued_tokens"] == 0
            assert sum("model_info" in name for name in count) == 1
            assert count["process_resident_memory_bytes"] > 2e8  # two of them
        assert httpx.get(f"{pair.url}/info").json()["workers"] == 2
        assert list(temporary.iterdir()) == []


def test_one_that_dies_is_replaced_once_that_is_possible(trained: Path, tmp_path: Path) -> None:
    """While the model is away nobody can take its place, and the other one goes on."""
    model = Path(shutil.copytree(trained, tmp_path / "model"))
    keys = tmp_path / "keys"
    keys.write_text("key")
    auth = {"authorization": "Bearer key"}
    flags = ["--workers", "2", "--api-keys-file", str(keys)]
    with serving(model, tmp_path / "log", *flags) as pair:

        def info() -> tuple[int, int]:
            said = httpx.get(f"{pair.url}/info", headers=auth).json()
            return said["ready_workers"], said["workers"]

        before = children(pair.process.pid)
        assert info() == (2, 2)
        for _ in range(20):
            httpx.post(f"{pair.url}/predict", json={"inputs": "a"}, headers=auth)
        counted = counters(httpx.get(f"{pair.url}/metrics").text)
        model.rename(tmp_path / "away")
        keys.write_text("another")
        os.kill(before[0], signal.SIGKILL)
        until(lambda: "is not a directory" in pair.log.read_text())
        assert info() == (1, 2)
        now = counters(httpx.get(f"{pair.url}/metrics").text)
        assert (now["conveyor_ready_workers"], now["conveyor_workers"]) == (1, 2)
        for name, value in counted.items():  # nothing is lost of what the dead one has counted
            if name.endswith(("_total", "_count")) and "/predict" in name:
                assert now[name] == value, name
        (tmp_path / "away").rename(model)
        until(lambda: info() == (2, 2))
        assert before[1] in children(pair.process.pid)
        for _ in range(20):  # both know the keys that there were at the start
            assert httpx.get(f"{pair.url}/info", headers=auth).status_code == 200
    assert "ended with -9" in pair.log.read_text()
    assert "1 of 2 workers are ready; another is started in 1 s" in pair.log.read_text()


def test_if_all_die_as_many_are_started_again_and_end_with_their_parent(
    trained: Path, tmp_path: Path
) -> None:
    with serving(trained, tmp_path / "log", "--workers", "2") as pair:
        before = children(pair.process.pid)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: pair.log.read_text().count("Application startup complete") == 4)
        time.sleep(1)  # for one too many
        after = children(pair.process.pid)
        assert len(after) == 2
        assert not set(before) & set(after)
        assert ask(pair.url) == 200
        pair.process.kill()
        pair.process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in after))


# That the others mean the same, tests/service/process/test_workers.py tests.
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_and_loses_nothing(slow: Path, tmp_path: Path, number: int) -> None:
    def long(url: str) -> int:
        body = {"inputs": "film " * 1500}
        return httpx.post(f"{url}/predict", json=body, timeout=PATIENCE).status_code

    with serving(slow, tmp_path / "log", "--workers", "2", *UNHURRIED) as running:
        processes = children(running.process.pid)
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(long, running.url) for _ in range(2)]
            until(lambda: accepted(running) == 2)
            for meaningless in IGNORED:
                for pid in (running.process.pid, *processes):
                    os.kill(pid, meaningless)
            assert running.stop(number) == 0
            assert [future.result() for future in asked] == [200, 200]
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


def test_a_second_signal_ends_all_now(slow: Path, tmp_path: Path) -> None:
    with serving(slow, tmp_path / "log", "--workers", "2", *UNHURRIED) as running:
        processes = children(running.process.pid)
        with ThreadPoolExecutor(1) as pool:
            body = {"inputs": [LONG_TEXT] * 9}
            asked = pool.submit(httpx.post, f"{running.url}/predict", json=body, timeout=PATIENCE)
            until(lambda: accepted(running) == 1)
            running.process.send_signal(signal.SIGTERM)
            until(lambda: not is_ready(running.url))
            assert running.stop() == 9
            with pytest.raises(httpx.HTTPError):
                asked.result()
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


def test_a_model_that_cannot_be_loaded_is_said_once(stacked: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(stacked, tmp_path / "broken"))
    (broken / "model.safetensors").unlink()
    result = conveyor("serve", "--model", broken, "--port", "0", "--workers", "3")
    assert_one_sentence(result, "model.safetensors is missing")
    assert result.stderr.count("is missing") == 1
