"""The costs of imports are those of the package's own modules."""

import json
import os
import subprocess
import sys
from pathlib import Path

from bench.startup import METER, dearest

MEBIBYTE = 2**20


def test_what_a_package_imports_in_turn_is_not_its_own_cost(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text("import inner\n")
    (tmp_path / "inner.py").write_text(f"kept = b'x' * {50 * MEBIBYTE}\nsum(range(3_000_000))\n")
    (tmp_path / "program.py").write_text("import outer\nimport inner\nraise SystemExit(1)\n")
    file = tmp_path / "costs.json"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-c", METER, str(file), "program"], env=environment, check=False
    )
    costs = json.loads(file.read_text())
    assert costs["inner"][0] > 10 * costs["outer"][0]
    assert costs["inner"][1] > 50 > 10 * costs["outer"][1]
    assert dearest(costs)[0][0] == "inner"
