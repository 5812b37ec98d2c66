"""The model that a newcomer gets."""

import httpx
import pytest
from huggingface_hub import ModelCard

from model import artifact
from tests.integration.conftest import SHIPPED, Server

MEGABYTE = 10**6

REVIEWS = {
    "positive": [
        "A wonderful, moving film.",
        "Captivating from the first scene to the last, with superb acting and a clever script.",
        "One of the best films I have ever seen. I laughed, I cried, and I will watch it again.",
    ],
    "negative": [
        "Dull and far too long.",
        "What a waste of time. The plot makes no sense, the acting is wooden, the jokes fall flat.",
        "I wanted to like it, but it is badly written, badly lit and badly acted. Avoid.",
    ],
}


@pytest.mark.parametrize("label", REVIEWS)
def test_it_tells_praise_from_blame(shipped_server: Server, label: str) -> None:
    answer = httpx.post(f"{shipped_server.url}/predict", json={"inputs": REVIEWS[label]})
    assert [row[0]["label"] for row in answer.json()] == [label] * len(REVIEWS[label])


def test_it_reads_from_left_to_right_and_is_small() -> None:
    loaded = artifact.load(SHIPPED)
    assert loaded.name == "imdb-sentiment"
    assert loaded.classifier.config.directions == ("forward",)
    assert loaded.classifier.config.labels == ("negative", "positive")
    assert loaded.classifier.config.label_aliases == {"neg": "negative", "pos": "positive"}
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 20 * MEGABYTE


def test_its_card_quotes_its_accuracy() -> None:
    card = ModelCard.load(SHIPPED / "README.md")
    [result] = card.data.eval_results
    assert result.metric_type == "accuracy"
    assert result.metric_value >= 0.89
    assert f"{result.metric_value:.2%}".replace("%", " %") in card.text
