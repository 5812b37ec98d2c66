"""The number of connections that are kept open, as the limit on files allows."""

import logging
import resource

import pytest

from conveyor.service.protocol.connections import OPEN_PER_REQUEST, Connections, backlog, max_open


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The limits on open files, which a test sets and the code may raise."""
    limits = [(1024, 1024)]
    monkeypatch.setattr(resource, "getrlimit", lambda _what: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _what, limit: limits.append(limit))
    return limits


def test_where_files_are_many_requests_decide(files: list[tuple[int, int]]) -> None:
    files[0] = (1_000_000, 1_000_000)
    assert max_open(800) == 800 * OPEN_PER_REQUEST
    assert len(files) == 1


def test_the_limit_is_raised_as_far_as_it_is_needed(files: list[tuple[int, int]]) -> None:
    files[0] = (1024, 1_000_000)
    assert max_open(800) == 800 * OPEN_PER_REQUEST
    assert 3200 < files[-1][0] < 5000
    files.append((1024, resource.RLIM_INFINITY))
    assert max_open(800) == 800 * OPEN_PER_REQUEST


def test_where_it_cannot_be_raised_there_are_fewer_and_it_is_said(
    files: list[tuple[int, int]], caplog: pytest.LogCaptureFixture
) -> None:
    files[0] = (512, 1024)
    most = max_open(800)
    assert files[-1] == (1024, 1024)
    assert 500 < most < 800
    assert f"At most {most:,} connections are kept open, not 3,200" in caplog.text
    assert "may open 1,024 files" in caplog.text
    # Those who find all busy can be told so, and those who come at once be taken.
    assert Connections(most, 800, 1).max_requests < most < 1024 - backlog(most)
    files.append((8, 8))
    assert max_open(800) == backlog(1) == Connections(1, 800, 1).max_requests == 1


def test_what_is_granted_counts_and_not_what_was_asked_for(
    files: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On macOS, whose hard limit promises more than there is."""

    def refuse(_what: int, _limits: tuple[int, int]) -> None:
        raise ValueError("current limit exceeds maximum limit")

    files[0] = (1024, resource.RLIM_INFINITY)
    for grant in (lambda _what, _limits: files.append((2048, 2048)), refuse):
        monkeypatch.setattr(resource, "setrlimit", grant)
        assert 500 < max_open(800) < files[-1][0]
        files[1:] = []


def test_windows_has_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert max_open(800) == 800 * OPEN_PER_REQUEST


def test_it_is_said_once_that_there_are_too_many(caplog: pytest.LogCaptureFixture) -> None:
    class Silent:
        unsent = 0
        aborted = False

        def abort(self) -> None:
            self.aborted = True

    connections = Connections(2, 2, 1)
    made = [Silent() for _ in range(5)]
    with caplog.at_level(logging.WARNING):
        for connection in made:
            connections.add(connection)
    assert [connection.aborted for connection in made] == [True, True, True, False, False]
    assert len(connections) == 2
    assert len(caplog.records) == 1
