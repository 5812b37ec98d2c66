"""docs/results.md is what the saved runs make, and its sentences follow the numbers."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.experiments import plots, report
from bench.experiments.defaults import TABLES, verdict
from bench.experiments.plan import FAMILY, LAST, OTHERS
from bench.experiments.report import DOCUMENT, Results, figures, mean_accuracy, render
from bench.experiments.saved import (
    Bin,
    DefaultRun,
    Gradient,
    Memory,
    Mistake,
    Parameters,
    Read,
    Recall,
    Recalled,
    Retention,
    SavedRun,
    Speed,
    Training,
)
from conveyor.model.network.config import CellName

EMPTY = Results([], [], [], {}, None, None, None, None, None)


def run_of(right: int, texts: int = 1000, seed: int | None = 0, resumed: int = 0) -> SavedRun:
    wrong = texts - right
    training = Training(texts=90, seconds=120.0, resumed=resumed, held_out_accuracy=0.5)
    return SavedRun(
        experiment="any",
        seed=seed,
        command=f"conveyor train --seed {seed}",
        training=None if seed is None else training,
        labels=("no", "yes"),
        texts=texts,
        accuracy=right / texts,
        confusion=((right, wrong), (0, 0)),
        mistakes=(Mistake(true="no", predicted="yes", texts=wrong),),
        calibration=(
            *[Bin(texts=0, confidence=0.0, right=0)] * 14,
            Bin(texts=texts, confidence=0.96, right=right),
        ),
        calibration_error=abs(0.96 - right / texts),
        parameters=Parameters(formula="4*8*(8+12)", by_formula=640, total=12345),
        artifact_bytes=9_200_000,
        torch="2.13.0",
        cores=2,
    )


def default_run(ours: float) -> DefaultRun:
    return DefaultRun(
        table="trec6",
        texts_a_label=50,
        seed=0,
        texts=300,
        test_texts=400,
        ours=ours,
        ngrams=0.7,
        fasttext=0.6,
        seconds=90.0,
        torch="2.13.0",
    )


def memory() -> Memory:
    return Memory(
        texts=200,
        steps=5,
        gradients=(
            Gradient(cell="rnn", state="hidden", trained=True, norms=(1.0, 0.1, 3e-9, 0.0, 0.0)),
            Gradient(cell="lstm", state="cell", trained=False, norms=(1.0, 0.9, 0.8, 0.7, 0.6)),
        ),
        retention=(
            Retention(
                trained=True,
                low=(1.0, 0.5, 0.25, 0.1, 0.05),
                middle=(1.0, 0.8, 0.6, 0.5, 0.4),
                high=(1.0, 1.0, 0.9, 0.9, 0.9),
                reach=(3.0, 4.0, 4.0),
            ),
        ),
    )


def recall(*results: tuple[CellName, int, float]) -> Recall:
    return Recall(
        chance=0.125,
        units=64,
        training_texts=2000,
        passes=12,
        test_texts=500,
        results=tuple(
            Recalled(cell=cell, length=length, seed=seed, accuracy=accuracy, seconds=1.0)
            for seed, (cell, length, accuracy) in enumerate(results)
        ),
    )


def everything() -> Results:
    return Results(
        family=[(FAMILY[0], [run_of(800), run_of(820)]), (FAMILY[1], [run_of(850), run_of(870)])],
        last=[(LAST[0], [run_of(700)])],
        others=[(OTHERS[0], [run_of(950)])],
        defaults={(TABLES[1], 50): [default_run(0.7), default_run(0.8)]},
        shipped=run_of(908, seed=None),
        sentences=run_of(880, seed=None),
        memory=memory(),
        recall=recall(("rnn", 10, 1.0), ("rnn", 400, 0.5), ("lstm", 10, 1.0), ("lstm", 400, 0.99)),
        speed=Speed(
            texts=512,
            turns=7,
            results=(
                Read(name=FAMILY[0].name, texts_per_second=1234.0),
                Read(name="any", texts_per_second=321.4),
            ),
        ),
    )


def test_the_page_of_the_repository_is_what_its_runs_make() -> None:
    results = Results.saved()
    assert DOCUMENT.read_text() == render(results), "run python bench/experiments/report.py"
    for name in figures(results):
        assert (DOCUMENT.parent / name).exists()


def test_the_guide_to_training_quotes_the_runs() -> None:
    guide = (DOCUMENT.parent / "training.md").read_text()
    means = {e.name: mean_accuracy(runs) for e, runs in Results.saved().family}
    for name in ("imdb-lstm", "imdb-pretrained"):
        assert f"| {means[name]:.2%}".replace("%", " %") in guide


def test_without_runs_nothing_is_claimed() -> None:
    page = render(EMPTY)
    assert "## " not in page
    assert "| " not in page
    assert not figures(EMPTY)


def test_every_figure_is_shown_and_every_shown_figure_drawn() -> None:
    shown = re.findall(r"^!\[.+\]\((.+)\)$", render(everything()), re.MULTILINE)
    assert sorted(shown) == sorted(figures(everything()))
    assert len(shown) == 5


def test_a_row_holds_themean_accuracy_and_the_range_of_its_seeds() -> None:
    page = render(everything())
    assert (
        "| simple RNN | 81.00% (80.00 to 82.00) | 640 | `4*8*(8+12)` | 12,345 | 2.0 min | 1,234 |"
        in page
    )
    assert "| TREC-6 | 1,000 | pretrained LSTM | 95.00% |" in page
    assert "C-LSTM* (Zhou et al., 2015) | 94.6% |" in page
    assert "10 of its test questions stand in the training split" in page
    assert "123 texts stand in both official splits" in page


def test_defaults_stand_beside_what_anybody_would_try() -> None:
    page = render(everything())
    assert "| TREC-6 | 300 | 50 | 2 | 75.0% | 70.0% | 60.0% | better by 5.0 | 1.5 |" in page
    assert verdict([default_run(0.71)]) == verdict([default_run(0.69)]) == "equal"
    assert verdict([default_run(0.6)]) == "worse by 10.0"


def test_the_best_is_said_to_be_better_only_as_far_as_the_seeds_carry_it() -> None:
    def sentence(first: list[SavedRun], second: list[SavedRun]) -> str:
        page = render(replace(EMPTY, family=[(FAMILY[0], first), (FAMILY[1], second)]))
        return " ".join(re.findall(r"Most reviews .*?\.\n", page, re.DOTALL)[0].split())

    apart = sentence([run_of(800), run_of(820)], [run_of(850), run_of(870)])
    assert apart == (
        "Most reviews are told right by the LSTM, 5.00 points more than by the simple RNN: "
        "its worst seed is better than the other's best."
    )
    overlapping = sentence([run_of(800), run_of(860)], [run_of(850), run_of(790)])
    assert "by the simple RNN, 1.00 points more" in overlapping
    assert "the difference could be chance" in overlapping
    assert "Most reviews" not in render(replace(EMPTY, family=[(FAMILY[0], [run_of(800)])]))


def test_interruptions_are_told() -> None:
    rows = [(FAMILY[0], [run_of(800), run_of(800, resumed=2)])]
    assert "1 of the trainings were interrupted" in render(replace(EMPTY, family=rows))


def test_the_sentences_on_memory_quote_the_middle_of_the_curves() -> None:
    page = " ".join(render(everything()).split())
    assert "simple RNN, trained, by h: 3e-09 of the gradient is there 2 steps from the end" in page
    assert "LSTM, untrained, by c: 80.0% of the gradient is there 2 steps from the end" in page
    assert "trained: 2 steps back, the median unit has 60.0% left" in page
    assert "more than 90.0%. At least a tenth of a value is left for all 4 steps" in page
    assert "(3 and all 4 are the quantiles" in page


def test_the_sentences_on_recall_say_where_a_seed_has_lost_the_word() -> None:
    page = render(everything())
    assert "- simple RNN: the worst seed is right about less than 90% at 400 words." in page
    assert "- LSTM: every seed is right about 99.0% or more." in page
    assert "| simple RNN | 100% | 50% |" in page
    half = render(replace(EMPTY, recall=recall(("lstm", 10, 1.0))))  # the others are still to come
    assert "simple RNN" not in half


def test_the_shipped_model_is_judged_by_sentences_too() -> None:
    page = " ".join(render(everything()).split())
    assert "Of the 1,000 official test sentences of SST-2, 88.00% are right" in page


def test_the_shipped_model_s_confidence_is_compared_with_its_accuracy() -> None:
    page = " ".join(render(everything()).split())
    assert "On average its confidence is 5.2 points above its accuracy" in page
    assert "- 92 no reviews were taken for yes ones." in page
    surest = render(replace(EMPTY, shipped=run_of(1000, seed=None)))
    assert "4.0 points below its accuracy" in " ".join(surest.split())


@pytest.mark.parametrize("name", figures(everything()))
def test_a_figure_is_the_same_every_time_and_stands_on_white(tmp_path: Path, name: str) -> None:
    one, other = tmp_path / "one.svg", tmp_path / "other.svg"
    for path in (one, other):
        plots.write(path, figures(everything())[name])
    assert one.read_bytes() == other.read_bytes()
    root = ET.parse(one).getroot()
    assert root.attrib["width"] == "504pt"  # 7 inches: 700 pixels at 100 to the inch
    content = one.read_text()
    assert "fill: #ffffff" in content
    assert "<dc:date>" not in content
    assert len(content) < 200_000


def test_the_command_writes_page_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "DOCUMENT", tmp_path / "results.md")
    monkeypatch.setattr(Results, "saved", staticmethod(everything))
    report.main()
    assert (tmp_path / "results.md").read_text() == render(everything())
    assert {f"results/{path.name}" for path in (tmp_path / "results").iterdir()} == set(
        figures(everything())
    )
