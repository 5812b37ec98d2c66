"""conveyor train as a person uses it: a real process, in an empty directory."""

import os
import re
from pathlib import Path

import pytest

from conveyor.model.artifact import storage
from conveyor.model.extras import install_command
from tests.conftest import reviews
from tests.model.cli.shared import QUICK, write_csv
from tests.process import assert_one_sentence, conveyor


def test_from_a_csv_that_nobody_has_seen_to_a_judged_model(tmp_path: Path) -> None:
    """Labels with spaces, several scripts, quotes and line breaks."""
    words = {"好评 很好": "很好", "bad, in fact": 'dull "very"', "nie wiem": "być\nmoże"}
    rows = [
        (f"{filler} {word} {filler}", label)
        for label, word in words.items()
        for filler in "abcdefghij" * 3
    ]
    write_csv(tmp_path / "mine.csv", rows)
    columns = ["--text-column", "body", "--label-column", "topic"]
    trained = conveyor(
        "train", "--data", "mine.csv", *columns, "--out", "my model", *QUICK, cwd=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    assert "81 texts, 3 labels" in trained.stderr
    assert "epoch 4: loss" in trained.stderr
    assert "conveyor serve --model 'my model'" in trained.stdout
    judged = conveyor("evaluate", "my model", "--data", "mine.csv", *columns, cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    assert float(judged.stdout.split()[1]) > 0.9
    assert "on 90 texts" in judged.stdout
    assert "bad, in fact" in judged.stdout


def test_a_set_may_be_in_several_files(tmp_path: Path) -> None:
    for name, label in (("good.tsv", "praise"), ("bad.tsv", "blame")):
        lines = [f"{e.label}\t{e.text}" for e in reviews(60) if e.label == label]
        (tmp_path / name).write_text("\n".join(lines))
    trained = conveyor(
        *("train", "--data", "good.tsv", "--data", "bad.tsv", "--out", "mine", *QUICK), cwd=tmp_path
    )
    assert trained.returncode == 0, trained.stderr
    assert storage.load(tmp_path / "mine").classifier.config.labels == ("blame", "praise")


def test_labels_are_renamed_and_the_data_s_own_still_understood(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", [(e.text, e.label) for e in reviews(200)])
    columns = ["--text-column", "body", "--label-column", "topic"]
    rename = ["--rename-label", "praise=thumbs up", "--rename-label", "blame=thumbs down"]
    result = conveyor(
        "train", "--data", "a.csv", *columns, *rename, "--out", "m", *QUICK, cwd=tmp_path
    )
    assert "thumbs down" in result.stdout
    judged = conveyor("evaluate", "m", "--data", "a.csv", *columns, cwd=tmp_path)
    assert float(judged.stdout.split()[1]) > 0.9
    card = (tmp_path / "m" / "README.md").read_text()
    assert "conveyor train --data a.csv" in card


@pytest.mark.parametrize(
    ("content", "arguments", "says"),
    [
        (
            "id,body\n1,x\n",
            ["--text-column", "body"],
            "no column 'label'; the columns are 'id', 'body'",
        ),
        ("text,label\nx,a\ny,a\n", [], "All texts have the label 'a'"),
        ("", [], "holds no examples"),
        (
            "text,label\nx,a\ny,b\n",
            ["--epochs", "0"],
            "--epochs should be greater than 0, but is 0",
        ),
        ("text,label\nx,a\ny,b\n", ["--dropout", "1.5"], "--dropout should be less than 1"),
        ("text,label\nx,a\ny,b\n", ["--hidden-size", "70000"], "--hidden-size should be less"),
        ("text,label\nx,a\ny,b\n", ["--seed", "9" * 30], "--seed should be less than"),
        ("text,label\nx,a\ny,b\n", ["--rename-label", "ab"], "'ab' is not of the form OLD=NEW"),
        ("text,label\nx,a\ny,b\n", ["--validation-data", "none.csv"], "none.csv cannot be read"),
        (
            "text,label\nx,a\ny,b\n",
            ["--validation-data", "held-out.csv"],
            "held-out.csv, line 4 has the label 'meh', which the model does not have",
        ),
    ],
)
def test_wrong_training_input_is_one_sentence(
    tmp_path: Path, content: str, arguments: list[str], says: str
) -> None:
    (tmp_path / "a.csv").write_text(content)
    (tmp_path / "held-out.csv").write_text('text,label\n"two\nlines",a\nx,meh\nx,a b\n')
    result = conveyor("train", "--data", "a.csv", "--out", "m", *arguments, cwd=tmp_path)
    assert_one_sentence(result, says)
    assert not (tmp_path / "m").exists()


def test_two_rows_are_enough(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,a\ny,b\n")
    result = conveyor("train", "--data", "a.csv", "--out", "m", *QUICK, cwd=tmp_path)
    assert result.returncode == 0, result.stderr


def test_a_finished_model_is_not_overwritten(tmp_path: Path, trained: Path) -> None:
    result = conveyor("train", "--data", "a.csv", "--out", trained, cwd=tmp_path)
    assert_one_sentence(result, "holds a model already")


def test_an_out_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,a\ny,b\n")
    (tmp_path / "file").write_text("")
    result = conveyor("train", "--data", "a.csv", "--out", "file/m", *QUICK, cwd=tmp_path)
    assert_one_sentence(result, "cannot be written to file/m: Not a directory")


def test_labels_are_shown_as_they_are(tmp_path: Path) -> None:
    """Not as markup for the terminal, and of many labels the mistakes."""
    labels = ["[/red]", "[bold]x[/bold]", "a|b", *(f"label {n}" for n in range(6))]
    lines = [f'{label},"{word}"' for label in labels for word in "abcd"]
    (tmp_path / "a.csv").write_text("\n".join(["label,text", *lines]))
    out = "[bold]m[x]"
    trained = conveyor("train", "--data", "a.csv", "--out", out, "--epochs", "1", cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert f"The model is in {out}." in trained.stdout
    judged = conveyor("evaluate", out, "--data", "a.csv", cwd=tmp_path)
    assert judged.returncode == 0, judged.stderr
    for label in labels:
        assert f"│ {label} " in judged.stdout
    assert "most frequent mistakes" in judged.stdout


def test_hub_data_without_the_extra_says_how_to_get_it(tmp_path: Path) -> None:
    missing = "import sys; sys.modules['datasets'] = None"
    command = ["train", "--data", "hub:some/set", "--out", "m"]
    result = conveyor(*command, cwd=tmp_path, first=missing)
    assert_one_sentence(result, re.escape(f"needs the datasets library: {install_command('hub')}."))


def test_names_that_are_no_utf_8_lose_nothing(tmp_path: Path) -> None:
    """As old disks and archives have them: umlauts in Latin-1."""
    data, out = (os.fsdecode(name) for name in (b"donn\xe9es.csv", b"mod\xe8le"))
    write_csv(tmp_path / data, [(e.text, e.label) for e in reviews(100)])
    columns = ["--text-column", "body", "--label-column", "topic"]
    command = ["train", "--data", data, *columns, "--out", out, *QUICK]
    trained = conveyor(*command, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "The model is in mod\ufffdle." in trained.stdout
    assert storage.load(tmp_path / out).name == "mod\ufffdle"
    assert "donn\ufffdes.csv" in (tmp_path / out / "README.md").read_text()
    converted = conveyor("convert", out, "--pooling", "concat", "--out", f"{out}-2", cwd=tmp_path)
    assert converted.returncode == 0, converted.stderr
    labelled = ["convert", out, "--pooling", "concat", "--out", "no", "--labels", "a,\udce9"]
    assert_one_sentence(conveyor(*labelled, cwd=tmp_path), "is not UTF-8")
    renamed = conveyor(*command, "--out", "no", "--rename-label", "praise=\udce9", cwd=tmp_path)
    assert_one_sentence(renamed, "is not UTF-8")
    prefixed = ["predict", out, "--data", data, *columns[:2], "--out", "no.csv"]
    assert_one_sentence(conveyor(*prefixed, "--prefix", "\udce9", cwd=tmp_path), "is not UTF-8")


def test_the_recipe_the_baseline_and_what_is_peculiar_are_said(tmp_path: Path) -> None:
    rows = [(e.text, e.label) for e in reviews(400)]
    write_csv(tmp_path / "a.csv", [*rows, ("fine", "Praise"), ("fine", "praise")])
    columns = ["--text-column", "body", "--label-column", "topic"]
    trained = conveyor("train", "--data", "a.csv", *columns, "--out", "m", *QUICK, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    for part in (
        "The labels 'Praise', 'praise' differ by case or white space alone",
        "1 label has a single text ('Praise')",
        "1 text stands there with several labels, such as 'fine'",
        "held-out texts: TF-IDF and logistic regression ",
        "as --embedding-dim decides the network's shape",
        "--batch-size 32 ",
    ):
        assert part in trained.stderr
    assert "beside it: TF-IDF and logistic regression " in trained.stdout
    card = (tmp_path / "m" / "README.md").read_text()
    assert "TF-IDF and logistic regression on the same texts: " in card
    assert "--batch-size 32 " in card
    plain = conveyor(
        *("train", "--data", "a.csv", *columns, "--out", "plain", *QUICK, "--recipe", "none"),
        cwd=tmp_path,
    )
    assert "--batch-size" not in plain.stderr
    assert "TF-IDF and logistic regression " in plain.stdout


def test_of_many_labels_the_worst_are_shown(tmp_path: Path) -> None:
    rows = [(f"{word} {n % 7}", f"label {word}") for word in "abcdefghijkl" for n in range(20)]
    write_csv(tmp_path / "a.csv", rows)
    columns = ["--text-column", "body", "--label-column", "topic"]
    trained = conveyor("train", "--data", "a.csv", *columns, "--out", "m", *QUICK, cwd=tmp_path)
    assert trained.returncode == 0, trained.stderr
    assert "the 10 worst labels" in trained.stdout
