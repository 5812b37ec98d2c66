"""Conditions that hold for all tests."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="there is only one process")
def test_a_file_s_tests_share_a_process(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@tests/test_conftest.py")
