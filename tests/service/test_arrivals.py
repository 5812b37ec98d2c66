import pytest

from service.arrivals import BYTES_PER_TOKEN, Arrivals


def test_before_the_first_request_it_guesses_as_for_english() -> None:
    assert Arrivals().expected(1000) == pytest.approx(1000 / BYTES_PER_TOKEN)


def test_it_learns_what_the_texts_are_like() -> None:
    arrivals = Arrivals()
    for _ in range(1000):
        arrivals.begin(300).counted(100)
    assert arrivals.expected(600) == pytest.approx(200, rel=0.01)
    for _ in range(1000):
        arrivals.begin(300).counted(10)
    assert arrivals.expected(600) == pytest.approx(20, rel=0.01)


def test_a_body_of_unknown_size_teaches_nothing() -> None:
    arrivals = Arrivals()
    before = arrivals.expected(1000)
    arrivals.begin(0).counted(4000)
    assert arrivals.expected(1000) == before


def test_each_request_is_on_its_way_until_its_end() -> None:
    arrivals = Arrivals()
    first, second = arrivals.begin(500), arrivals.begin(1500)
    assert arrivals.tokens == pytest.approx(2000 / BYTES_PER_TOKEN)
    first.end()
    first.end()
    assert arrivals.tokens == pytest.approx(1500 / BYTES_PER_TOKEN)
    second.end()
    assert arrivals.tokens == pytest.approx(0)
