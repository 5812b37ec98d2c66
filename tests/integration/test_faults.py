"""Faults in a server, or around it: it goes on, or ends to be started again."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.fork_server import Conveyor
from tests.integration.conftest import serving
from tests.integration.test_workers import children
from tests.process import PATIENCE, until

ROOT = Path(__file__).parents[2]

# `conveyor`, with faults where a text says so.
PROGRAM = """
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.service.metrics.batches import BatchMetrics

class Panic(BaseException):
    pass

encode, step = Tokenizer.encode, BatchMetrics.step

def panicking(self, texts, **options):
    if "panic" in texts:
        raise Panic
    return encode(self, texts, **options)

def deadly(self, kind, jobs, stepped, seconds):
    if kind == "states":
        raise Panic
    step(self, kind, jobs, stepped, seconds)

Tokenizer.encode, BatchMetrics.step = panicking, deadly

if __name__ == "__main__":
    from conveyor.service.cli import main
    main()
"""


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have `serving` run that program."""
    program = tmp_path / "faulty.py"
    program.write_text(PROGRAM)
    monkeypatch.setattr("tests.fork_server.COMMAND", [sys.executable, str(program)])
    monkeypatch.setattr(
        "tests.fork_server._differ_late", lambda _: False
    )  # in a program of its own
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def ask(url: str, path: str, text: str) -> int:
    return httpx.post(f"{url}/{path}", json={"inputs": text}, timeout=PATIENCE).status_code


@pytest.mark.usefixtures("faulty")
def test_a_panic_fails_its_text_and_a_dead_thread_ends_the_process(
    trained: Path, tmp_path: Path
) -> None:
    with serving(trained, tmp_path / "log") as server:
        assert ask(server.url, "predict", "panic") == 500
        assert ask(server.url, "predict", "a film") == 200
        assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert ask(server.url, "states", "a film") == 503
        assert server.process.wait(timeout=PATIENCE) == 1
    log = server.log.read_text()
    assert "The thread 'model' has died" in log
    assert "Requests in all: 2 accepted, 1 answered, 0 cancelled, 0 expired, 1 failed" in log


@pytest.mark.usefixtures("faulty")
def test_a_worker_with_a_dead_thread_is_replaced(trained: Path, tmp_path: Path) -> None:
    with serving(trained, tmp_path / "log", "--workers", "2") as server:
        before = children(server.process.pid)
        assert ask(server.url, "states", "a film") == 503
        until(lambda: "is ready: 2 of 2" in server.log.read_text().partition("ended with 1")[2])
        after = children(server.process.pid)
        assert len(set(before) & set(after)) == 1
        assert ask(server.url, "predict", "a film") == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_log_that_nobody_reads_holds_nobody_up(trained: Path, workers: str) -> None:
    ours, theirs = os.pipe()
    fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
    flags = ["--port", "0", "--workers", workers]
    process = Conveyor[str](
        ["serve", "--model", trained, *flags], stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        with httpx.Client(base_url=found.group(), timeout=PATIENCE) as client:
            for _ in range(200):  # some 20 KB
                assert client.get("/info").status_code == 200
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        os.close(ours)
        os.close(theirs)
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("to", "workers"), [(">&- 2>&- <&-", "1"), (">&- 2>&- <&-", "2"), ("> /dev/full 2>&1", "1")]
)
def test_without_somewhere_to_write_it_goes_on(
    trained: Path, tmp_path: Path, to: str, workers: str
) -> None:
    port = tmp_path / "port"
    program = (
        "import os, sys, conveyor.service.cli\n"
        "from conveyor.service import serve; listen = serve._listen\n"
        "def told(*of):\n"
        "    listener = listen(*of)\n"
        f"    open({str(port)!r}, 'w').write(str(listener.getsockname()[1]))\n"
        "    return listener\n"
        "serve._listen = told\n"
        "if __name__ == '__main__': conveyor.service.cli.main()\n"
    )
    (tmp_path / "program.py").write_text(program)
    command = [sys.executable, str(tmp_path / "program.py"), "serve", "--model", str(trained)]
    flags = ["--port", "0", "--workers", workers]
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@" {to}', "sh", *command, *flags],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: port.exists() and port.read_text() != "")
        url = f"http://127.0.0.1:{port.read_text()}"
        for _ in range(4):
            assert ask(url, "predict", "a film") == 200
        process.terminate()
        assert process.wait(timeout=PATIENCE) == 0
    finally:
        process.kill()


def test_the_health_check_of_the_image_finds_the_server_that_flags_made(
    trained: Path, tmp_path: Path
) -> None:
    found = re.search(r'CMD \["python", "-c", "(.*?)"\]', (ROOT / "Dockerfile").read_text())
    assert found
    environment = {**os.environ, "CONVEYOR_HOST": "0.0.0.0", "CONVEYOR_PORT": "1"}
    check = [sys.executable, "-c", found.group(1)]
    # The check knows a server by its command, so this one must not be forked from another.
    with serving(trained, tmp_path / "log", PYTHONUTF8="1") as server:
        assert not server.process._forked
        until(lambda: subprocess.run(check, env=environment, check=False).returncode == 0)
