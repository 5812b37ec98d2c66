import pytest

from conveyor.service.protocol import connection


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test can wait for. What has none is waited for without end."""
    for name in ("HEAD_SECONDS", "WRITE_SECONDS", "LINGER_SECONDS", "PROBE_SECONDS"):
        monkeypatch.setattr(connection, name, 0.1)
