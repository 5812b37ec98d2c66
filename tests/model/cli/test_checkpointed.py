"""What can end a run that writes checkpoints: a full disk, and too little memory."""

import resource
import signal
from pathlib import Path

import pytest

from conveyor.model.cli.checkpointed import checkpointed
from conveyor.model.errors import OutOfMemory
from tests.conftest import reviews
from tests.model.cli.shared import GIGABYTE, QUICK, write_csv
from tests.process import assert_one_sentence, conveyor, conveyor_within


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the same way."""
    write_csv(tmp_path / "a.csv", [(e.text, e.label) for e in reviews(100)])
    columns = ["--text-column", "body", "--label-column", "topic"]
    large = ["--hidden-size", "256", "--epochs", "1"]
    command = ["train", "--data", "a.csv", *columns, "--out", "m", *QUICK, *large]

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))

    result = conveyor(*command, cwd=tmp_path, preexec_fn=small_files)
    assert_one_sentence(
        result, "cannot be written to m: File too large. The same command begins anew"
    )
    again = conveyor(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--hidden-size", "65536"], "lower --batch-size, --train-tokens or the sizes"),
        (
            ["train", "--embedding-dim", "65536", "--batch-size", "100", "--hidden-size", "1"],
            "lower --batch-size, --train-tokens or the sizes",
        ),
        (["pretrain", "--hidden-size", "65536"], "lower --batch-size, --bptt or the sizes"),
        (
            ["pretrain", "--embedding-dim", "65536", "--hidden-size", "1", "--bptt", "400"],
            "lower --batch-size, --bptt or the sizes of the network, or give fewer texts.$",
        ),
    ],
)
def test_a_run_that_needs_more_memory_than_there_is(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    """For its weights, or for a step; it leaves nothing behind."""
    lines = [f"{label}\t{'a b c d ' * 60}\n" for label in "xy" * 60]
    (tmp_path / "a.tsv").write_text("".join(lines))
    result = conveyor_within(
        GIGABYTE, *arguments, "--data", "a.tsv", "--out", "m", "--device", "cpu", cwd=tmp_path
    )
    assert_one_sentence(result, f"not enough memory: {says}")
    assert list(tmp_path.glob("m/*")) == []


def test_a_run_with_a_checkpoint_needs_another_place_for_other_settings(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").touch()
    says = r"and another --out, as .*checkpoint\.pt only goes on as it began\.$"
    with pytest.raises(OutOfMemory, match=says), checkpointed(tmp_path, "--batch-size"):
        raise MemoryError
