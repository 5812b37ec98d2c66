import logging
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from conveyor.model.artifact.card import Metric, card_data, metrics, model_card
from conveyor.model.errors import ArtifactError
from conveyor.model.evaluation.metrics import Evaluation
from tests.conftest import random_classifier


def test_labels_cannot_break_the_table() -> None:
    evaluation = Evaluation(("a|b", "c\nd"), np.array([[1, 0], [0, 1]]), 0.25, 0.0)
    config = random_classifier().config.model_copy(update={"id2label": {0: "a|b", 1: "c\nd"}})
    text = model_card("m", config, 2, evaluation, None, "")
    assert "| a\\|b | 1.000 | 1.000 | 1 |\n| c d | 1.000" in text


def test_no_name_label_or_command_is_read_as_a_template() -> None:
    config = random_classifier().config.model_copy(update={"id2label": {0: "{{ 7 * 7 }}", 1: "b"}})
    text = model_card("{% if %}", config, 2, None, None, "conveyor train --data '{{ name }}'")
    for part in ("# {% if %}\n", "Labels: {{ 7 * 7 }}, b.\n", "--data '{{ name }}'\n"):
        assert part in text


def test_the_card_names_the_cell() -> None:
    text = model_card("m", random_classifier(cell="rnn").config, 2, None, None, "")
    assert "made of a simple RNN: 1 layer(s) of 4 units" in text
    assert "the cell's weights (4*(4+5))" in text


def test_the_card_reads_as_a_model_card(trained: Path) -> None:
    card = ModelCard.load(trained / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert "# tiny-reviews" in card.text
    assert "4*8*(8+12)" in card.text
    assert "| praise | " in card.text


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_the_results_are_told_to_programs_and_read_again(tmp_path: Path) -> None:
    evaluation = Evaluation(("a", "b", "c"), np.diag([1, 2, 3])[::-1], 0.12345, 0.0)
    config = random_classifier().config
    card = written(tmp_path / "README.md", model_card("m", config, 9, evaluation, None, ""))
    assert metrics(card) == [
        Metric(type="accuracy", value=0.3333, dataset="held-out texts", split="validation"),
        Metric(
            type="expected_calibration_error",
            value=0.1235,
            dataset="held-out texts",
            split="validation",
        ),
    ]
    assert ModelCard.load(card).data.model_name == "m"


def front_matter(results: dict[str, float]) -> str:
    return f"---\n{card_data('m', 'text-classification', results).to_yaml()}\n---"


def test_where_nothing_was_held_out_nothing_is_told(tmp_path: Path) -> None:
    card = written(tmp_path / "a", model_card("m", random_classifier().config, 9, None, None, ""))
    assert metrics(card) == []


@pytest.mark.parametrize("text", ["", "# A card without front matter\n", "---\n---\n# Empty\n"])
def test_a_card_need_not_tell_anything(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert metrics(written(tmp_path / "README.md", text)) == []
    assert caplog.text == ""


def test_a_value_that_is_no_number_is_told_as_it_is(tmp_path: Path) -> None:
    text = front_matter({"accuracy": 0.5})
    card = written(tmp_path / "README.md", text.replace("0.5", "half of them"))
    assert metrics(card)[0].value == "half of them"


RESULTS = "---\nmodel-index: {}\n---\n# A card\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("---\na: [\n---\n", "begins with lines that are not valid YAML: while parsing"),
        ("---\n- a\n---\n", "begins with lines that are not valid YAML: "),
        ("---\n1: 2\n---\n", "begins with lines that are not valid YAML: keywords must be"),
        (f"---\na: {'[' * 5000}\n---\n", "begins with lines that are not valid YAML: "),
        (RESULTS.format("5"), "begins with lines that are not valid YAML: Invalid `model_index`"),
        (RESULTS.format("[{name: m, results: 5}]"), "not valid YAML: Invalid `model_index`"),
    ],
)
def test_front_matter_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ArtifactError, match=says) as caught:
        metrics(written(tmp_path / "README.md", text))
    assert "\n" not in str(caught.value)


def test_a_result_of_a_wrong_type_is_named(tmp_path: Path) -> None:
    text = front_matter({"accuracy": 0.5})
    card = written(tmp_path / "README.md", text.replace("name: held-out texts", "name: [a]"))
    with pytest.raises(ArtifactError, match="has a result that is not valid: dataset: Input"):
        metrics(card)


def test_a_card_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="cannot be read: Is a directory"):
        metrics(tmp_path)
