"""The description and the server agree, whatever is sent."""

import subprocess
import sys
from pathlib import Path

from tests.integration.conftest import Server
from tests.process import PATIENCE

CONFIG = Path(__file__).with_name("schemathesis.toml")


def test_schemathesis_finds_nothing(server: Server, tmp_path: Path) -> None:
    """Valid and invalid requests of its making, under all of its checks."""
    # Its pytest plugin does not work with pytest 9.2; as a command it has every phase anyway.
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"{server.url}/openapi.json"),
            *("--max-examples", "60", "--generation-deterministic"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Operations:       6 selected / 6 total" in result.stdout
