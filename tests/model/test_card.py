from pathlib import Path

import numpy as np
from huggingface_hub import ModelCard

from model.card import model_card
from model.evaluate import Evaluation
from tests.conftest import random_classifier


def test_labels_cannot_break_the_table() -> None:
    evaluation = Evaluation(("a|b", "c\nd"), np.array([[1, 0], [0, 1]]), 0.25)
    config = random_classifier().config.model_copy(update={"id2label": {0: "a|b", 1: "c\nd"}})
    text = model_card("m", config, 2, evaluation, "")
    assert "| a\\|b | 1.000 | 1.000 | 1 |\n| c d | 1.000" in text


def test_the_card_names_the_cell() -> None:
    text = model_card("m", random_classifier(cell="rnn").config, 2, None, "")
    assert "made of a simple RNN: 1 layer(s) of 4 units" in text
    assert "the cell's weights (4*(4+5))" in text


def test_the_card_reads_as_a_model_card(trained: Path) -> None:
    card = ModelCard.load(trained / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert "# tiny-reviews" in card.text
    assert "4*8*(8+12)" in card.text
    assert "| praise | " in card.text
