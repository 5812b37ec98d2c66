"""Options of a conversion: the tokenizer and the labels, where a model's files do not have them.

What neither has is named, all at once, with the option that gives it.
"""

from dataclasses import dataclass
from pathlib import Path

from conveyor.model.convert.files import SiblingFiles
from conveyor.model.convert.source import Source
from conveyor.model.convert.tokens import (
    Rules,
    Tokens,
    prepare,
    read_tokenizer,
    read_vocabulary,
    word_tokenizer,
)
from conveyor.model.errors import ConversionError
from conveyor.model.files import as_unicode
from conveyor.model.types import Split

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
    """Options for a model's tokenizer and labels; they override what its files have."""

    tokenizer: Path | None = None
    vocabulary: Path | None = None
    split: Split | None = None
    lowercase: bool = False
    unknown: str | None = None
    padding: str | None = None
    labels: str | None = None


def tokens_and_labels(
    source: Source, siblings: SiblingFiles, options: ConvertOptions
) -> tuple[Tokens, list[str]]:
    """Find a model's tokenizer and labels. Raises ConversionError with all that is missing."""
    _check(options)
    labels = _labels(source, siblings, options)
    path = options.tokenizer or siblings.tokenizer
    missing = [NO_TOKENIZER] * (not (options.vocabulary or path or source.tokenizer))
    missing += [NO_LABELS.format(count=source.shape.labels)] * (labels is None)
    if missing or labels is None:
        raise ConversionError(
            f"The {source.framework} model lacks {', and '.join(missing)}, and no file beside it "
            "has them."
        )
    if options.vocabulary:
        tokenizer = word_tokenizer(
            read_vocabulary(options.vocabulary), _rules(options), source.shape.vocab_size
        )
    elif source.tokenizer and not options.tokenizer:
        tokenizer = source.tokenizer
    else:
        assert path  # noqa: S101 - else it was missing
        tokenizer = read_tokenizer(path)
    return prepare(tokenizer, options.padding), labels


def _check(options: ConvertOptions) -> None:
    if options.tokenizer and options.vocabulary:
        raise ConversionError("--tokenizer and --vocabulary say the same: give one of the two.")
    if options.vocabulary and not options.split:
        raise ConversionError(
            "A vocabulary does not say how texts are cut into its entries: give --split too."
        )
    if not options.vocabulary and (
        options.split or options.lowercase or options.unknown is not None
    ):
        raise ConversionError(
            "--split, --lowercase and --unknown are the rules of a --vocabulary: give that too, or "
            "leave them out, as a tokenizer.json has its own."
        )


def _rules(options: ConvertOptions) -> Rules:
    assert options.split  # noqa: S101 - checked before
    return Rules(options.split, options.lowercase, options.unknown)


def _labels(source: Source, siblings: SiblingFiles, options: ConvertOptions) -> list[str] | None:
    if options.labels is not None:
        if options.labels != as_unicode(options.labels):
            raise ConversionError("--labels is not UTF-8, so no file can have labels of that name.")
        return [label.strip() for label in options.labels.split(",")]
    if source.label_names:
        return list(source.label_names)
    return siblings.labels
