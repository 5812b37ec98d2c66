from pathlib import Path

import pytest

from conveyor.service.process import cores


@pytest.mark.parametrize(
    ("content", "expected"),
    [("max 100000", 8), ("150000 100000", 2), ("50000 100000", 1), ("400000 100000", 4), ("?", 8)],
)
def test_a_container_s_share_counts(
    content: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(content)
    monkeypatch.setattr(cores, "CPU_MAX", file)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert cores.cores() == expected


def test_cores_that_the_process_may_not_run_on_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "CPU_MAX", tmp_path / "none")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3, 5})
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert cores.cores() == 2
    assert [cores.threads(workers) for workers in (1, 2, 3)] == [1, 1, 1]
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert [cores.threads(workers) for workers in (1, 2, 8)] == [7, 3, 1]


def test_where_no_cores_are_set_apart_all_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "CPU_MAX", tmp_path / "none")
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    assert cores.cores() == 8
