import pytest

from conveyor.service.batching.throughput import DECAY, UNKNOWN, Throughput


def test_before_the_first_step_any_cost_takes_a_second() -> None:
    assert Throughput().seconds_for(1000) == UNKNOWN == 1


def test_what_waits_takes_as_long_as_the_last_steps_did() -> None:
    throughput = Throughput()
    throughput.add(100, 2.0)
    assert throughput.seconds_for(50) == pytest.approx(1.0)


def test_the_last_steps_weigh_more_than_those_before() -> None:
    throughput = Throughput()
    throughput.add(100, 1.0)
    throughput.add(100, 3.0)
    assert throughput.seconds_for(100) == pytest.approx((DECAY + 3) / (DECAY + 1))
    for _ in range(200):
        throughput.add(100, 3.0)
    assert throughput.seconds_for(100) == pytest.approx(3.0, rel=0.001)
