"""Proof: the converted model gives what the source gives, text by text."""

import random
from dataclasses import dataclass

import numpy as np
import torch

from conveyor.model.arrays import Floats
from conveyor.model.convert.samples import Samples
from conveyor.model.convert.source import OutputKind, Source
from conveyor.model.errors import ConversionError
from conveyor.model.inference.classifier import Classifier
from conveyor.model.text.batching import collate
from conveyor.model.text.tokenizer import Encoding

# The largest difference that counts as none: float32 sums in another order stay well below it.
TOLERANCE = 1e-5
TEXTS = 24
LONGEST = 50


@dataclass(frozen=True)
class Proof:
    """The largest difference between the outputs of the two, and the texts it was found on.

    ``verified`` says whether one of the two was the source: its program, or samples of what it
    gave.
    """

    difference: float
    texts: int
    against: str
    verified: bool = True

    def __str__(self) -> str:
        return (
            f"its outputs differ by at most {self.difference:.1e} from those of {self.against}, on "
            f"{self.texts} texts"
        )


def prove(classifier: Classifier, source: Source, samples: list[Samples]) -> Proof:
    """Compare a converted model with its source, run on the spot, and with samples of its outputs.

    Where the source has no program and no samples, what is compared is that the tensors are
    understood, and no more. Raises ConversionError where the two differ by more than TOLERANCE, and
    where there is nothing to compare with.
    """
    compared = list(samples)
    if source.run:
        texts = draw(classifier, source)
        compared.append(Samples(texts, source.run(texts), source.output_kind))
    if not compared:
        raise ConversionError(
            f"There is nothing to compare the converted model with: {source.framework} is not "
            "installed, or its file has no program to be run; give --samples, lines of JSON as "
            '{"ids": [5, 7], "logits": [0.1, -0.3]}, from the model itself.'
        )
    largest = 0.0
    for expected in compared:
        outputs = _outputs(classifier, expected.texts, expected.kind)
        width = expected.outputs.shape[1]
        if width == 1 and outputs.shape[1] > 1:
            outputs = _of_second(outputs, expected.kind)
        if outputs.shape != expected.outputs.shape:
            raise ConversionError(
                f"The {source.framework} model gives {width} outputs for a text, but the "
                f"converted one has {outputs.shape[1]} labels."
            )
        differences = np.abs(outputs - expected.outputs)
        largest = max(largest, float(differences.max(initial=0.0)))
        _check(differences, expected, source)
    framework = source.framework if source.has_program else f"{source.framework}'s own modules"
    against = [framework] * bool(source.run) + ["the samples"] * bool(samples)
    count = sum(len(each.texts) for each in compared)
    return Proof(largest, count, " and ".join(against), bool(samples) or source.has_program)


def draw(classifier: Classifier, source: Source) -> list[list[int]]:
    """Draw texts of 1 to LONGEST ids: some random, some of words that the tokenizer knows.

    They have ids that both vocabularies have, the source's being smaller by an added padding token,
    and no others than the source can run.
    """
    rng = random.Random(0)  # noqa: S311 - samples, no secrets
    size = min(source.shape.vocab_size, classifier.config.vocab_size)
    known = [number for number in range(size) if number != source.skips]
    lengths = [1, 2, LONGEST, *(rng.randint(1, LONGEST) for _ in range(TEXTS - 3))]
    lengths = [source.steps or length for length in lengths]
    texts = [rng.choices(known, k=length) for length in lengths]
    words = classifier.tokenizer.vocabulary_sample(TEXTS * LONGEST)
    rng.shuffle(words)
    read = classifier.encode([" ".join(words[length:][:length]) for length in lengths[3:]])
    real = [encoding.last(source.steps or LONGEST).ids for encoding in read]
    return texts + [
        ids
        for ids in real
        if ids and set(ids) <= set(known) and len(ids) == (source.steps or len(ids))
    ]


def _outputs(classifier: Classifier, texts: list[list[int]], kind: OutputKind) -> Floats:
    """Compute the outputs (texts, labels) of the converted model as it is served."""
    if kind == "probabilities":
        return classifier.predict([Encoding(ids, []) for ids in texts])
    with torch.inference_mode():
        logits = classifier.network(*collate(texts, classifier.config.pad_token_id))
    result: Floats = logits.numpy()
    return result


def _of_second(outputs: Floats, kind: OutputKind) -> Floats:
    """Return the one output of a source that has one: the second label's probability, or logit."""
    second = outputs[:, 1:2]
    return second if kind == "probabilities" else second - outputs[:, :1]


def _check(differences: Floats, expected: Samples, source: Source) -> None:
    # Written so that what is no number is too large.
    wrong = [number for number, row in enumerate(differences) if not row.max() <= TOLERANCE]
    if wrong:
        raise ConversionError(
            f"The converted model does not give what {source.framework} gives: the {expected.kind} "
            f"differ by {np.nanmax(differences):.2g}, more than {TOLERANCE}, in {len(wrong)} of "
            f"{len(expected.texts)} texts, so nothing was written; its pooling may be another than "
            f"{source.shape.pooling}, there may be something between the parts that its file does "
            "not say, or the samples may have been padded, or made with dropout."
        )
