from pathlib import Path

import pytest
import torch

from conveyor.model.artifact import storage
from conveyor.model.errors import DataError, TrainingError
from conveyor.model.training.callbacks import Callbacks
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import train
from conveyor.model.training.vectors import WordVectors
from tests.conftest import random_classifier, reviews

OPEN = TrainingSettings(hidden_size=8, epochs=1, batch_size=16, device="cpu")
FILE = "the 1 2 3 4 5\n. . . 9 9 9 9 9\nfilm -1 0 1 0 -1 \r\nthe 7 7 7 7 7\nunheard-of 1 1 1 1 x\n"


def written(directory: Path, content: str | bytes = FILE) -> Path:
    path = directory / "vectors.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("header", ["", "5 5\n"])
def test_words_that_the_file_has_get_their_vectors(tmp_path: Path, header: str) -> None:
    classifier = random_classifier()
    weight = classifier.network.embedding.weight
    torch.nn.init.normal_(weight)[0] = 0
    said = WordVectors.of(written(tmp_path, header + FILE)).load_into(
        classifier.network, classifier.tokenizer
    )
    places = classifier.tokenizer.vocabulary
    assert weight[places["the"]].tolist() == [1, 2, 3, 4, 5]
    assert weight[places["film"]].tolist() == [-1, 0, 1, 0, -1]
    assert (weight[0] == 0).all()
    others = [n for word, n in places.items() if word not in {"[PAD]", "the", "film"}]
    std = torch.tensor([1.0, 2, 3, 4, 5, -1, 0, 1, 0, -1]).std(correction=0)
    torch.testing.assert_close(weight[others].std(), std, rtol=0.3, atol=0)
    assert said == f"{2 / (len(places) - 2):.1%} of them with vectors"


def test_words_that_are_no_utf_8_are_passed_by(tmp_path: Path) -> None:
    path = written(tmp_path, b"\xff\xfe 1 2 3 4 5\nfilm 1 2 3 4 5\n")
    classifier = random_classifier()
    WordVectors.of(path).load_into(classifier.network, classifier.tokenizer)


def test_a_classifier_is_made_from_them(tmp_path: Path) -> None:
    starts: list[str] = []
    vectors = WordVectors.of(written(tmp_path))
    train(
        reviews(60),
        OPEN,
        tmp_path / "m",
        initialization=vectors,
        callbacks=Callbacks(on_start=starts.append),
    )
    assert storage.load(tmp_path / "m").classifier.config.embedding_dim == 5
    assert "% of them with vectors, on cpu" in starts[0]


def test_settings_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    vectors = WordVectors.of(written(tmp_path))
    with pytest.raises(TrainingError, match="have 5 numbers, and the embedding dim is 6: leave"):
        vectors.settings(OPEN.model_copy(update={"embedding_dim": 6}))
    with pytest.raises(TrainingError, match="need words for tokens"):
        vectors.settings(OPEN.model_copy(update={"tokenizer": "bpe"}))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("film 1 2 3 4", "line 2 is not a word and 5 finite numbers"),
        ("film 1 2 3 4 5 6", "line 2 is not a word and 5 finite numbers"),
        ("film 1 2 x 4 5", "line 2 is not a word and 5 finite numbers"),
        ("film 1 2 nan 4 5", "line 2 is not a word and 5 finite numbers"),
        ("", "line 2 is not a word and 5 finite numbers"),
        ("unheard-of 1 2 3 4 5", r"has none of the [\d,]+ words of the vocabulary"),
    ],
)
def test_a_broken_line_is_one_sentence(tmp_path: Path, line: str, says: str) -> None:
    classifier = random_classifier()
    vectors = WordVectors.of(written(tmp_path, f"nobody 1 2 3 4 5\n{line}\n"))
    with pytest.raises(DataError, match=says) as caught:
        vectors.load_into(classifier.network, classifier.tokenizer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "word\n", "5 0\n"])
def test_a_file_without_vectors(tmp_path: Path, content: str) -> None:
    with pytest.raises(DataError, match="line 1 holds no vector"):
        WordVectors.of(written(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        WordVectors.of(tmp_path / "nowhere")
