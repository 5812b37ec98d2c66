"""The commands as a person uses them: real processes, in an empty directory."""

import csv
import os
import re
import resource
import signal
from pathlib import Path

import pytest

from model.artifact import storage
from model.cli.app import _run
from model.errors import OutOfMemory
from tests.conftest import random_classifier, reviews
from tests.process import assert_one_sentence, conveyor, conveyor_within

QUICK = [
    *("--epochs", "10", "--learning-rate", "0.02", "--dropout", "0.1", "--embedding-dropout", "0"),
    *("--hidden-size", "8", "--embedding-dim", "12"),
]


def write_csv(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "body", "topic"])
        writer.writerows((number, text, label) for number, (text, label) in enumerate(rows))


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


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write fails in the same way."""
    write_csv(tmp_path / "a.csv", [(e.text, e.label) for e in reviews(100)])
    columns = ["--text-column", "body", "--label-column", "topic"]
    large = ["--hidden-size", "256", "--epochs", "1"]
    command = ["train", "--data", "a.csv", *columns, "--out", "m", *QUICK, *large]

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))

    result = conveyor(*command, cwd=tmp_path, preexec_fn=small_files)
    assert_one_sentence(
        result, "cannot be written to m: File too large. The same command begins anew"
    )
    again = conveyor(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr


GIGABYTE = 2**30


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--hidden-size", "65536"], "lower --batch-size, --train-tokens or the sizes"),
        (
            ["train", "--embedding-dim", "65536", "--batch-size", "100", "--hidden-size", "1"],
            "lower --batch-size, --train-tokens or the sizes",
        ),
        (["pretrain", "--hidden-size", "65536"], "lower --batch-size, --bptt or the sizes"),
        (
            ["pretrain", "--embedding-dim", "65536", "--hidden-size", "1", "--bptt", "400"],
            "lower --batch-size, --bptt or the sizes of the network, or give fewer texts.$",
        ),
    ],
)
def test_a_run_that_needs_more_memory_than_there_is(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    """For its weights, or for a step; it leaves nothing behind."""
    lines = [f"{label}\t{'a b c d ' * 60}\n" for label in "xy" * 60]
    (tmp_path / "a.tsv").write_text("".join(lines))
    result = conveyor_within(
        GIGABYTE, *arguments, "--data", "a.tsv", "--out", "m", "--device", "cpu", cwd=tmp_path
    )
    assert_one_sentence(result, f"not enough memory: {says}")
    assert list(tmp_path.glob("m/*")) == []


def test_a_model_and_texts_that_need_more_memory_than_there_is(tmp_path: Path) -> None:
    classifier = random_classifier(embedding_dim=65_536, bidirectional=True)
    storage.save(tmp_path / "m", classifier, golden_text="", card="")
    lines = [f"{label}\t{'a b c d ' * 12}\n" for label in ("blame", "praise")]
    (tmp_path / "a.tsv").write_text("".join(lines * 100))
    result = conveyor_within(GIGABYTE, "evaluate", "m", "--data", "a.tsv", cwd=tmp_path)
    assert_one_sentence(result, "not enough memory: give fewer texts at once")


def test_a_run_with_a_checkpoint_needs_another_place_for_other_settings(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").touch()
    says = r"and another --out, as .*checkpoint\.pt only goes on as it began\.$"
    with pytest.raises(OutOfMemory, match=says), _run(tmp_path, "--batch-size"):
        raise MemoryError


def test_evaluating_with_a_label_the_model_does_not_have(tmp_path: Path, trained: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx,blame\nx,meh\n")
    result = conveyor("evaluate", trained, "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(
        result, "a.csv, line 3 has the label 'meh', which the model .* 'blame', 'praise'"
    )


def test_evaluating_what_is_no_model(tmp_path: Path) -> None:
    result = conveyor("evaluate", "nowhere", "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(result, "nowhere is not a directory")


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


def test_a_path_that_no_system_takes(tmp_path: Path) -> None:
    result = conveyor("evaluate", "x" * 300, "--data", "a.csv", cwd=tmp_path)
    assert_one_sentence(result, "x{300}: File name too long")


@pytest.mark.parametrize("command", ["pretrain", "train", "evaluate", "serve"])
def test_the_help_explains_every_option(tmp_path: Path, command: str) -> None:
    result = conveyor(command, "--help", cwd=tmp_path)
    assert result.returncode == 0
    options = re.findall(r"^[│ *]+--([a-z-]+)(.*)│$", result.stdout, re.MULTILINE)
    assert len(options) > 4 or command == "evaluate"
    for name, rest in options:
        explanation = re.sub(r"^.*?[>\]]|OLD=NEW|--no-[a-z]*", "", rest).strip()
        assert len(explanation.split()) > 2, name


def test_hub_data_without_the_extra_says_how_to_get_it(tmp_path: Path) -> None:
    (tmp_path / "datasets.py").write_text("raise ImportError")
    result = conveyor(
        "train",
        "--data",
        "hub:some/set",
        "--out",
        "m",
        cwd=tmp_path,
        environment={"PYTHONPATH": str(tmp_path)},
    )
    assert_one_sentence(result, r"needs the datasets library: pip install 'datasets>=5.2,<6'")


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
