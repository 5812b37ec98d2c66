"""conveyor pretrain as a person uses it: a real process, in an empty directory."""

from pathlib import Path

import pytest

from tests.conftest import reviews
from tests.model.cli.shared import write_csv
from tests.process import assert_one_sentence, conveyor

LANGUAGE = [
    *("--epochs", "2", "--batch-size", "8", "--bptt", "20", "--negatives", "50"),
    *("--hidden-size", "8", "--embedding-dim", "6"),
]


def test_from_texts_without_labels_to_a_classifier(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [(e.text, e.label) for e in reviews(100)])
    (tmp_path / "b.tsv").write_text("".join(f"{e.text}\n" for e in reviews(100, seed=1)))
    (tmp_path / "c.csv").write_text("body\n" + "".join(f"{e.text}\n" for e in reviews(50)))
    learned = conveyor("pretrain", "--data", "b.tsv", "--out", "lm", *LANGUAGE, cwd=tmp_path)
    assert learned.returncode == 0, learned.stderr
    assert "99 texts of " in learned.stderr
    assert "epoch 2: loss " in learned.stderr
    assert "held-out perplexity" in learned.stderr
    assert "conveyor train --pretrained lm ..." in learned.stdout
    assert "conveyor pretrain --data b.tsv" in (tmp_path / "lm" / "README.md").read_text()
    data = ["--data", "a.csv", "--data", "c.csv", "--text-column", "body"]
    turned = ["--backward", "--embedding-of", "lm", *LANGUAGE[:-2]]
    learned = conveyor("pretrain", *data, *turned, "--out", "back", cwd=tmp_path)
    assert learned.returncode == 0, learned.stderr
    assert "148 texts of " in learned.stderr
    columns = ["--data", "a.csv", "--text-column", "body", "--label-column", "topic"]
    start = ["--pretrained", "lm", "--pretrained-backward", "back", "--bidirectional"]
    fine = [
        "--gradual-unfreezing",
        "--layer-decay",
        "0.9",
        "--adversarial",
        "0.02",
        "--averaging",
        "0.9",
    ]
    trained = conveyor(
        "train", *columns, *start, *fine, "--epochs", "1", "--out", "m", cwd=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    assert '"hidden_size": 8' in (tmp_path / "m" / "config.json").read_text()
    again = conveyor("pretrain", "--data", "b.tsv", "--out", "lm", *LANGUAGE, cwd=tmp_path)
    assert_one_sentence(again, "lm holds a model already")
    other = ["--pretrained", "lm", "--hidden-size", "9", "--out", "n"]
    result = conveyor("train", *columns, *other, cwd=tmp_path)
    assert_one_sentence(result, "hidden size of the pretrained model is 8, and not 9: leave")
    result = conveyor("train", *columns, *start[2:], "--out", "n", cwd=tmp_path)
    assert_one_sentence(result, "--pretrained-backward needs --pretrained beside it")
    result = conveyor("train", *columns, *start[:2], "--cell", "rnn", "--out", "n", cwd=tmp_path)
    assert_one_sentence(result, "pretrained model's cell is lstm, and not rnn: leave")
    both = [*start[:2], "--vectors", "v.txt", "--out", "n"]
    result = conveyor("train", *columns, *both, cwd=tmp_path)
    assert_one_sentence(result, "and so does --vectors: give one of the two")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--data", "one.tsv"], "one text alone: pretraining needs another"),
        (["--data", "none.csv"], "none.csv cannot be read"),
        (["--data", "one.tsv", "--data", "broken.csv"], "broken.csv, line 4: 3 columns, where"),
        (["--data", "one.tsv", "--bptt", "0"], "--bptt should be greater than 0, but is 0"),
        (["--data", "one.tsv", "--embedding-of", "lm"], "lm is not a directory"),
    ],
)
def test_wrong_pretraining_input_is_one_sentence(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    (tmp_path / "one.tsv").write_text("a text\n")
    (tmp_path / "broken.csv").write_text('text\n"two\nlines"\na,b,c\nd\n')
    assert_one_sentence(conveyor("pretrain", *arguments, "--out", "m", cwd=tmp_path), says)
    assert not (tmp_path / "m").exists()


def test_pretraining_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("a text\nanother\n")
    (tmp_path / "file").write_text("")
    result = conveyor("pretrain", "--data", "a.tsv", "--out", "file/m", cwd=tmp_path)
    assert_one_sentence(result, "cannot be written to file/m: Not a directory")
