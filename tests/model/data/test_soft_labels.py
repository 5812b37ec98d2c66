import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conveyor.model.data.soft_labels import (
    SoftExample,
    merged,
    one_hot,
    probabilities,
    read_soft_examples,
)
from conveyor.model.errors import DataError
from conveyor.model.training.objective import learn_labels
from conveyor.model.training.train import train
from tests.conftest import TINY, reviews
from tests.model.training.test_objective import batch
from tests.model.training.test_train import opinions

SCORES = st.dictionaries(st.sampled_from("abc"), st.floats(0.01, 1), min_size=1)


def row(text: object, scores: object) -> str:
    return json.dumps({"text": text, "scores": scores, "label": "x", "score": 1}) + "\n"


@pytest.mark.parametrize("name", ["soft.jsonl", "soft.jsonl.gz"])
def test_texts_are_read_with_their_scores(tmp_path: Path, name: str) -> None:
    content = (row("a film", {"x": 0.75, "y": 0.25}) + "\n" + row("", {"y": 1})).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    examples = read_soft_examples(str(path))
    assert examples == [SoftExample("a film", {"x": 0.75, "y": 0.25}), SoftExample("", {"y": 1})]
    assert [example.place for example in examples] == [f"{path}, line 1", f"{path}, line 3"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", "", "holds no texts"),
        ("a.csv", "text,scores\na,1\n", "is no .jsonl file"),
        ("a.jsonl", '{"text": "a"}\n', "line 1: there is no 'scores', only 'text'"),
        ("a.jsonl", row("a", {"x": 1}) + row(1, {"x": 1}), "line 2: 'text' is not a text but int"),
        ("a.jsonl", row("a", 0.5), "line 1: 'scores' is not an object with a probability"),
        ("a.jsonl", row("a", {}), "line 1: 'scores' is not an object with a probability"),
        ("a.jsonl", row("a", {"x": "1"}), "line 1: 'scores' is not an object with a probability"),
        ("a.jsonl", row("a", {"x": 2, "y": -1}), "line 1: 'scores' is not an object with"),
        ("a.jsonl", row("a", {"x": 0.6, "y": 0.3}), "line 1: the scores sum to 0.9 and not to 1"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_line(
    tmp_path: Path, name: str, content: str, says: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(DataError, match=says):
        read_soft_examples(str(path))


@given(st.lists(st.lists(st.tuples(st.sampled_from("pqr"), SCORES)), max_size=4))
def test_several_opinions_of_a_text_become_their_mean(
    judged: list[list[tuple[str, Mapping[str, float]]]],
) -> None:
    models = [
        [SoftExample(text, {k: v / sum(s.values()) for k, v in s.items()}) for text, s in one]
        for one in judged
    ]
    everything = [example for one in models for example in one]
    means = merged(models)
    assert [mean.text for mean in means] == list(dict.fromkeys(e.text for e in everything))
    for mean, table in zip(means, probabilities(means, "abc"), strict=True):
        opinions = probabilities([e for e in everything if e.text == mean.text], "abc")
        torch.testing.assert_close(table, opinions.mean(dim=0))
        assert table.sum().item() == pytest.approx(1)


def test_a_label_that_no_labelled_text_has_is_named_with_its_line(tmp_path: Path) -> None:
    soft = [SoftExample("a", {"praise": 0.5, "meh": 0.5}, "soft.jsonl, line 7")]
    with pytest.raises(DataError, match=r"soft\.jsonl, line 7 has a score for the label 'meh'"):
        train(reviews(40), TINY, tmp_path / "m", soft=soft)
    assert not (tmp_path / "m").exists()


def test_a_soft_label_that_is_sure_is_a_label() -> None:
    ids = torch.tensor([0, 1, 2])
    hard, _ = learn_labels(batch(), ids, 0.0)
    soft, _ = learn_labels(batch(), one_hot(ids, 3), 0.0)
    assert soft == pytest.approx(hard)


def opinion(text: str, label: str, sure: float) -> SoftExample:
    other = {"blame": "praise", "praise": "blame"}[label]
    return SoftExample(text, {label: sure, other: 1 - sure})


def test_a_model_learns_from_what_another_one_thinks(tmp_path: Path) -> None:
    settings = TINY.model_copy(update={"epochs": 40, "patience": 40, "batch_size": 8, "seed": 2})
    soft = [opinion(example.text, example.label, 0.8) for example in opinions(300, 5)]
    right = []
    for name, texts in (("alone", []), ("taught", soft)):
        held_out = opinions(100, 99)
        known = opinions(8, 22)
        evaluation = train(known, settings, tmp_path / name, validation=held_out, soft=texts)
        assert evaluation is not None
        right.append(evaluation.accuracy)
    assert right[1] > right[0] + 0.1
