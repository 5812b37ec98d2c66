"""Complete: what a model needs beside its network, from its files and from what people say.

What neither has is named, all at once, with the way to give it.
"""

from dataclasses import dataclass
from pathlib import Path

from model.convert.files import SiblingFiles
from model.convert.source import Source
from model.convert.tokens import (
    Rules,
    Tokens,
    prepare,
    read_tokenizer,
    read_vocabulary,
    word_tokenizer,
)
from model.errors import ConversionError
from model.files import as_unicode
from model.types import Split

NO_TOKENIZER = (
    "a tokenizer, without which texts cannot be read (--tokenizer with a tokenizer.json, or "
    "--vocabulary with a list of tokens and --split with the rule that cuts texts into them)"
)
NO_LABELS = (
    "the names of its {count} labels (--labels with all of them, separated by commas, in the order "
    "of its outputs)"
)


@dataclass(frozen=True)
class ConvertOptions:
    """What people say of a model's texts and labels; it counts more than what files say."""

    tokenizer: Path | None = None
    vocabulary: Path | None = None
    split: Split | None = None
    lowercase: bool = False
    unknown: str | None = None
    padding: str | None = None
    labels: str | None = None


def complete(
    source: Source, beside: SiblingFiles, told: ConvertOptions
) -> tuple[Tokens, list[str]]:
    """The tokenizer and the labels of a model. Raises ConversionError with all that is missing."""
    _check(told)
    labels = _labels(source, beside, told)
    path = told.tokenizer or beside.tokenizer
    missing = [NO_TOKENIZER] * (not (told.vocabulary or path or source.tokenizer))
    missing += [NO_LABELS.format(count=source.shape.labels)] * (labels is None)
    if missing or labels is None:
        raise ConversionError(
            f"The {source.framework} model lacks {', and '.join(missing)}, and no file beside it "
            "has them."
        )
    if told.vocabulary:
        tokenizer = word_tokenizer(
            read_vocabulary(told.vocabulary), _rules(told), source.shape.vocab_size
        )
    elif source.tokenizer and not told.tokenizer:
        tokenizer = source.tokenizer
    else:
        assert path  # noqa: S101 - else it was missing
        tokenizer = read_tokenizer(path)
    return prepare(tokenizer, told.padding), labels


def _check(told: ConvertOptions) -> None:
    if told.tokenizer and told.vocabulary:
        raise ConversionError("--tokenizer and --vocabulary say the same: give one of the two.")
    if told.vocabulary and not told.split:
        raise ConversionError(
            "A vocabulary does not say how texts are cut into its entries: give --split too."
        )
    if not told.vocabulary and (told.split or told.lowercase or told.unknown is not None):
        raise ConversionError(
            "--split, --lowercase and --unknown are the rules of a --vocabulary: give that too, or "
            "leave them out, as a tokenizer.json has its own."
        )


def _rules(told: ConvertOptions) -> Rules:
    assert told.split  # noqa: S101 - checked before
    return Rules(told.split, told.lowercase, told.unknown)


def _labels(source: Source, beside: SiblingFiles, told: ConvertOptions) -> list[str] | None:
    if told.labels is not None:
        if told.labels != as_unicode(told.labels):
            raise ConversionError("--labels is not UTF-8, so no file can have labels of that name.")
        return [label.strip() for label in told.labels.split(",")]
    if source.label_names:
        return list(source.label_names)
    return beside.labels
