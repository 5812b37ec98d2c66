import contextlib

import pytest

from conveyor.service.api.arrivals import (
    BYTES_PER_TOKEN,
    FREE_BYTES,
    Arrivals,
    TooManyBytes,
)


def test_before_the_first_request_it_guesses_as_for_english() -> None:
    assert Arrivals(0).expected(1000) == pytest.approx(1000 / BYTES_PER_TOKEN)


def test_it_learns_what_the_texts_are_like() -> None:
    arrivals = Arrivals(0)
    for _ in range(1000):
        arrivals.learn(300, 100)
    assert arrivals.expected(600) == pytest.approx(200, rel=0.01)
    for _ in range(1000):
        arrivals.learn(300, 10)
    assert arrivals.expected(600) == pytest.approx(20, rel=0.01)


def test_a_body_of_unknown_size_teaches_nothing() -> None:
    arrivals = Arrivals(0)
    before = arrivals.expected(1000)
    arrivals.learn(0, 4000)
    assert arrivals.expected(1000) == before


def test_a_request_is_on_its_way_while_it_is_tokenized() -> None:
    arrivals = Arrivals(0)
    with arrivals.on_its_way(500):
        with arrivals.on_its_way(1500):
            assert arrivals.tokens == pytest.approx(2000 / BYTES_PER_TOKEN)
        arrivals.learn(100, 100)  # what is learned meanwhile changes nothing about it
        assert arrivals.tokens == pytest.approx(500 / BYTES_PER_TOKEN)
    assert arrivals.tokens == pytest.approx(0)


def test_it_is_gone_also_if_tokenizing_fails() -> None:
    arrivals = Arrivals(0)

    def fail() -> None:
        with arrivals.on_its_way(500):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert arrivals.tokens == pytest.approx(0)


def test_bodies_together_are_bounded_beyond_what_each_may_hold() -> None:
    arrivals = Arrivals(max_held=1000)
    with contextlib.ExitStack() as many:
        for _ in range(100):
            many.enter_context(arrivals.body()).grow(FREE_BYTES)
        with arrivals.body() as large, arrivals.body() as other:
            large.grow(FREE_BYTES + 400)
            large.grow(300)
            with pytest.raises(TooManyBytes):
                other.grow(FREE_BYTES + 301)
            assert arrivals.held == 1001
        assert arrivals.held == 0
        with arrivals.body() as next_one:
            next_one.grow(FREE_BYTES)
            next_one.grow(1000)
    assert arrivals.held == 0
