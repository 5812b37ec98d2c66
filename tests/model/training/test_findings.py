from conveyor.model.data.examples import Example
from conveyor.model.training.findings import findings


def told(*rows: tuple[str, str], held_out: tuple[tuple[str, str], ...] = ()) -> list[str]:
    """Tell of rows of text and label."""
    return list(findings([Example(*row) for row in rows], [Example(*row) for row in held_out]))


def test_of_a_sound_table_nothing_is_said() -> None:
    rows = [(f"{label} {n}", label) for label in ("a", "b") for n in range(3)]
    assert told(*rows, held_out=(("a 9", "a"),)) == []


def test_labels_that_differ_by_case_or_white_space() -> None:
    labels = ("spam", "Spam", "not  it", "not it", "other")
    sentences = told(*((f"{n} {label}", label) for n in range(2) for label in labels))
    assert len(sentences) == 2
    [spam] = [each for each in sentences if "spam" in each]
    assert spam.startswith("The labels 'Spam', 'spam' differ by case or white space alone")
    assert spam.endswith("add --rename-label 'spam'='Spam'.")


def test_labels_of_one_text() -> None:
    rows = [(f"{n}", f"label {n}") for n in range(8)]
    [sentence] = told(*rows)
    assert sentence.startswith("8 labels have a single text ('label 0', ")
    assert "'label 4' and 3 more)" in sentence
    [sentence] = told(("x", "a"), ("y", "b"), ("z", "b"))
    assert sentence.startswith("1 label has a single text ('a')")


def test_a_text_with_several_labels() -> None:
    [sentence] = told(("x", "a"), ("x", "b"), ("y", "a"), ("z", "b"))
    assert sentence.startswith("1 text stands there with several labels, such as 'x'")


def test_a_text_on_both_sides() -> None:
    rows = (("x  y" * 30, "a"), ("y", "a"), ("z", "b"), ("w", "b"))
    [sentence] = told(*rows, held_out=(rows[0], rows[0], ("new", "a")))
    assert sentence.startswith("2 held-out texts are among those trained on, such as 'x yx yx")
    assert "…'" in sentence
