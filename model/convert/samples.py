"""Samples: texts and a source model's outputs for them, from a file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError, model_validator

from conveyor.model.arrays import Floats
from conveyor.model.convert.json_file import read_text
from conveyor.model.convert.source import OutputKind
from conveyor.model.errors import ConversionError, describe
from conveyor.model.text.tokenizer import Tokenizer


class Sample(BaseModel):
    """A line of the file: a text, its token ids or both, and the answer to it alone, unpadded."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: str | None = None
    ids: list[int] | None = None
    logits: list[FiniteFloat] | None = None
    probabilities: list[FiniteFloat] | None = None

    @model_validator(mode="after")
    def _check(self) -> "Sample":
        if self.text is None and not self.ids:
            raise ValueError("a sample has a text, or at least one id")
        if (self.logits is None) == (self.probabilities is None):
            raise ValueError("a sample has either logits or probabilities")
        return self

    @property
    def kind(self) -> OutputKind:
        """The kind of its answer."""
        return "probabilities" if self.logits is None else "logits"

    @property
    def answer(self) -> list[float]:
        """The numbers of its answer."""
        return self.probabilities or self.logits or []


@dataclass(frozen=True)
class Samples:
    """Texts of token ids, and the source's outputs for them: (texts, labels), or (texts, 1)."""

    texts: list[list[int]]
    outputs: Floats
    kind: OutputKind


def read_samples(path: Path, tokenizer: Tokenizer, rows: int) -> list[Samples]:
    """Read the samples of a JSON Lines file: those with logits, then those with probabilities.

    Raises ConversionError with the line, also where the tokenizer cuts a text into other ids, or an
    id has none of the vocabulary's ``rows``.
    """
    lines = read_text(path).split("\n")
    found: dict[OutputKind, tuple[list[list[int]], list[list[float]]]] = {
        kind: ([], []) for kind in get_args(OutputKind)
    }
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                sample = Sample.model_validate(json.loads(line))
                ids = _ids(sample, tokenizer, rows)
            except ValidationError as error:
                raise ConversionError(f"{path}, line {number}: {describe(error)}.") from None
            except (ValueError, RecursionError) as error:
                raise ConversionError(f"{path}, line {number}: {error}.") from None
            texts, answers = found[sample.kind]
            texts.append(ids)
            answers.append(sample.answer)
    samples = []
    for kind, (texts, answers) in found.items():
        if len({len(answer) for answer in answers}) > 1:
            raise ConversionError(f"The {kind} in {path} differ in their number from line to line.")
        if texts:
            samples.append(Samples(texts, np.array(answers, np.float32), kind))
    if not samples:
        raise ConversionError(f"{path} has no samples: give a JSON object a line.")
    return samples


def _ids(sample: Sample, tokenizer: Tokenizer, rows: int) -> list[int]:
    """Return the ids of a sample; ValueError if not its text's, or none of the vocabulary's."""
    ids = sample.ids
    if sample.text is not None:
        encoded = tokenizer.encode([sample.text])[0].ids
        if ids is not None and ids != encoded:
            raise ValueError(f"the tokenizer makes the ids {encoded} of the text, and not {ids}")
        ids = encoded
    assert ids is not None  # noqa: S101 - a sample has one of the two
    for number in ids:
        if not 0 <= number < rows:
            raise ValueError(f"the id {number} is none of the vocabulary's, 0 to {rows - 1}")
    return ids
