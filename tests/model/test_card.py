from pathlib import Path

from huggingface_hub import ModelCard


def test_the_card_reads_as_a_model_card(trained: Path) -> None:
    card = ModelCard.load(trained / "README.md")
    assert card.data.pipeline_tag == "text-classification"
    assert "# tiny-reviews" in card.text
    assert "4*8*(8+12)" in card.text
    assert "| praise | " in card.text
