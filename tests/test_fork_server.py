"""A forked command is a `conveyor` like any other."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.fork_server import Conveyor
from tests.process import conveyor

INSTALLED = Path(sys.executable).with_name("conveyor")


def test_it_says_what_the_installed_command_says(stacked: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(stacked, tmp_path / "broken"))
    (broken / "golden.json").unlink()
    arguments = ["check", broken.name]
    forked = conveyor(*arguments, cwd=tmp_path)
    installed = subprocess.run(
        [INSTALLED, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (forked.returncode, bool(forked.stdout)) == (1, True)
    for name in ("returncode", "stdout", "stderr"):
        assert getattr(forked, name) == getattr(installed, name), name


def test_it_is_a_child_of_ours(stacked: Path) -> None:
    with Conveyor(
        ["predict", stacked, "--data", "-", "--out", "-", "--format", "jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"CONVEYOR_": "set late"},
    ) as program:
        assert not program._forked, "an environment that is another from the first moment on"
        program.kill()
    with Conveyor[str](
        ["predict", stacked, "--data", "-", "--out", "-", "--format", "jsonl"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as waiting:
        assert waiting._forked == (sys.platform == "linux")
        assert waiting.poll() is None
        waiting.send_signal(signal.SIGKILL)
        assert waiting.wait() == -signal.SIGKILL
