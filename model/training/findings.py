"""Findings: what a table of labelled texts has that its owner should know before a training."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from conveyor.model.data.examples import Example

# So many names are listed in a sentence.
LISTED = 5


def findings(examples: Sequence[Example], validation: Sequence[Example] = ()) -> Iterator[str]:
    """Yield a sentence for each peculiarity of texts to train on and of held-out ones."""
    yield from _labels_alike(examples)
    yield from _lone_texts(examples)
    yield from _contradictions(examples)
    yield from _texts_on_both_sides(examples, validation)


def _labels_alike(examples: Sequence[Example]) -> Iterator[str]:
    spellings: dict[str, set[str]] = defaultdict(set)
    for label in {example.label for example in examples}:
        spellings[" ".join(label.casefold().split())].add(label)
    for alike in spellings.values():
        if len(alike) > 1:
            first, *others = sorted(alike)
            renames = " ".join(f"--rename-label {other!r}={first!r}" for other in others)
            yield (
                f"The labels {_listed(sorted(alike))} differ by case or white space alone: if they "
                f"are one, add {renames}."
            )


def _lone_texts(examples: Sequence[Example]) -> Iterator[str]:
    counts = Counter(example.label for example in examples)
    alone = sorted(label for label, count in counts.items() if count == 1)
    if alone:
        yield (
            f"{_number(alone, 'label has', 'labels have')} a single text ({_listed(alone)}): none "
            "of theirs is held out, so nothing tells how well they are known."
        )


def _contradictions(examples: Sequence[Example]) -> Iterator[str]:
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.text].add(example.label)
    several = [text for text, named in labels.items() if len(named) > 1]
    if several:
        yield (
            f"{_number(several, 'text stands', 'texts stand')} there with several labels, such as "
            f"{_shortened(several[0])}: no model can be right about all of them."
        )


def _texts_on_both_sides(
    examples: Sequence[Example], validation: Sequence[Example]
) -> Iterator[str]:
    known = {example.text for example in examples}
    both = [example.text for example in validation if example.text in known]
    if both:
        yield (
            f"{_number(both, 'held-out text is', 'held-out texts are')} among those trained on, "
            f"such as {_shortened(both[0])}: the results on held-out texts will be too good."
        )


def _number(items: Sequence[str], one: str, many: str) -> str:
    return f"{len(items):,} {one if len(items) == 1 else many}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def _shortened(text: str, most: int = 40) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= most else line[: most - 1] + "…")
