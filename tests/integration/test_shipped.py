"""The model that a newcomer gets."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from huggingface_hub import ModelCard

from conveyor import PRETRAINED, SHIPPED
from conveyor.model.artifact import storage
from tests.integration.conftest import Server
from tests.process import PATIENCE

MEGABYTE = 10**6
CHINESE = PRETRAINED / "chinese-sentiment"
# In each line a label, a text, and what is difficult about it.
SHORT = Path(__file__).with_name("short_sentences.tsv")

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


def test_it_is_right_about_what_people_type_first() -> None:
    """Of 60 short sentences and single words 55, and what was once wrong in any case."""
    rows = [row.split("\t") for row in SHORT.read_text().splitlines()]
    classifier = storage.load(SHIPPED).classifier
    best = classifier.classify([text for _, text, _ in rows]).argmax(axis=1)
    right = {
        text
        for (label, text, _), index in zip(rows, best, strict=True)
        if classifier.config.labels[index] == label
    }
    assert len(rows) == 60
    assert right >= {"not bad", "never boring", "Not bad at all!", "meh"}
    assert len(right) >= 55


def test_it_reads_from_left_to_right_and_is_small() -> None:
    loaded = storage.load(SHIPPED)
    assert loaded.name == "imdb-sentiment"
    assert loaded.classifier.config.directions == ("forward",)
    assert loaded.classifier.config.labels == ("negative", "positive")
    assert loaded.classifier.config.label_aliases == {"neg": "negative", "pos": "positive"}
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 20 * MEGABYTE


@pytest.mark.parametrize("model", [SHIPPED, CHINESE], ids=lambda model: model.name)
def test_its_card_quotes_its_accuracy(model: Path) -> None:
    card = ModelCard.load(model / "README.md")
    for result in card.data.eval_results:
        if result.metric_type == "accuracy":
            assert result.metric_value >= 0.9
            assert f"{result.metric_value:.2%}".replace("%", " %") in card.text
        else:
            assert result.metric_value <= 0.025
            assert f"{result.metric_value:.4f}" in card.text


def test_the_chinese_one_tells_praise_from_blame_and_is_small() -> None:
    classifier = storage.load(CHINESE).classifier
    assert classifier.config.label_aliases == {"neg": "消极", "pos": "积极"}
    texts = {
        "积极": ["房间干净,服务热情,下次还住。", "不错"],
        "消极": ["电池一天就坏了,太差了。", "很差"],
    }
    for label, some in texts.items():
        for row in classifier.classify(some):
            assert classifier.config.labels[row.argmax()] == label
    assert sum(path.stat().st_size for path in CHINESE.iterdir()) < 8 * MEGABYTE


def test_company_never_changes_an_answer(shipped_server: Server) -> None:
    """200 texts alone, in random company, and while 16 callers ask for all of them at once."""
    rng = random.Random(0)
    words = storage.load(SHIPPED).classifier.tokenizer.vocabulary_sample(5000)
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 300))) for _ in range(200)]

    def ask(client: httpx.Client, inputs: list[str]) -> list[float]:
        answer = client.post("/predict", json={"inputs": inputs})
        assert answer.status_code == 200
        by_label = [{row["label"]: row["score"] for row in rows} for rows in answer.json()]
        return [scores["positive"] for scores in by_label]

    with httpx.Client(base_url=shipped_server.url, timeout=PATIENCE) as client:
        alone = [ask(client, [text])[0] for text in texts]
        order = rng.sample(range(200), 200)
        together = np.empty(200)
        for start in range(0, 200, 50):
            part = order[start : start + 50]
            together[part] = ask(client, [texts[index] for index in part])
        with ThreadPoolExecutor(16) as pool:
            one_each = list(pool.map(lambda index: ask(client, [texts[index]])[0], order))
    loaded = np.empty(200)
    loaded[order] = one_each
    np.testing.assert_allclose(together, alone, atol=1e-6, rtol=0)
    np.testing.assert_allclose(loaded, alone, atol=1e-6, rtol=0)
