"""Proof: the converted model gives what the source gives, text by text."""

import random
from dataclasses import dataclass

import numpy as np
import torch

from model.convert.samples import Samples
from model.convert.source import Gives, Source
from model.errors import ConversionError
from model.inference.classifier import Classifier
from model.text.batching import collate
from model.text.tokenizer import Encoding
from model.types import Floats

# The largest difference that is none: float32 sums in another order stay well below it.
TOLERANCE = 1e-5
TEXTS = 24
LONGEST = 50


@dataclass(frozen=True)
class Proof:
    """The largest difference between the outputs of the two, and what it was found on.

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
        compared.append(Samples(texts, source.run(texts), source.run_gives))
    if not compared:
        raise ConversionError(
            f"There is nothing to compare the converted model with: {source.framework} is not "
            "installed, or its file has no program to be run; give --samples, lines of JSON as "
            '{"ids": [5, 7], "logits": [0.1, -0.3]}, from the model itself.'
        )
    largest = 0.0
    for known in compared:
        mine = _outputs(classifier, known.texts, known.gives)
        theirs = known.outputs
        if mine.shape[1] != theirs.shape[1] and theirs.shape[1] == 1:
            mine = _of_second(mine, known.gives)
        if mine.shape != theirs.shape:
            raise ConversionError(
                f"The {source.framework} model gives {theirs.shape[1]} outputs for a text, but the "
                f"converted one has {mine.shape[1]} labels."
            )
        largest = max(largest, float(np.abs(mine - theirs).max(initial=0.0)))
        _check(np.abs(mine - theirs), known, source)
    by_itself = source.framework if source.has_program else f"{source.framework}'s own modules"
    against = [by_itself] * bool(source.run) + ["the samples"] * bool(samples)
    count = sum(len(known.texts) for known in compared)
    return Proof(largest, count, " and ".join(against), bool(samples) or source.has_program)


def draw(classifier: Classifier, source: Source) -> list[list[int]]:
    """Texts of 1 to LONGEST ids: some random, some as the tokenizer makes them of words it knows.

    They have ids that both vocabularies have, the source's being smaller by an added padding token,
    and no others than the source can run.
    """
    chance = random.Random(0)  # noqa: S311 - samples, no secrets
    size = min(source.shape.vocab_size, classifier.config.vocab_size)
    known = [number for number in range(size) if number != source.skips]
    lengths = [1, 2, LONGEST, *(chance.randint(1, LONGEST) for _ in range(TEXTS - 3))]
    lengths = [source.steps or length for length in lengths]
    texts = [chance.choices(known, k=length) for length in lengths]
    words = classifier.tokenizer.vocabulary_sample(TEXTS * LONGEST)
    chance.shuffle(words)
    read = classifier.encode([" ".join(words[length:][:length]) for length in lengths[3:]])
    real = [encoding.last(source.steps or LONGEST).ids for encoding in read]
    return texts + [
        ids
        for ids in real
        if ids and set(ids) <= set(known) and len(ids) == (source.steps or len(ids))
    ]


def _outputs(classifier: Classifier, texts: list[list[int]], gives: Gives) -> Floats:
    """(texts, labels), as the converted model gives them when it is served."""
    if gives == "probabilities":
        return classifier.predict([Encoding(ids, []) for ids in texts])
    with torch.inference_mode():
        logits = classifier.network(*collate(texts, classifier.config.pad_token_id))
    result: Floats = logits.numpy()
    return result


def _of_second(outputs: Floats, gives: Gives) -> Floats:
    """What a source with one output gives: the second label's probability, or its logit."""
    second = outputs[:, 1:2]
    return second if gives == "probabilities" else second - outputs[:, :1]


def _check(differences: Floats, known: Samples, source: Source) -> None:
    # Written so that what is no number is too large.
    wrong = [number for number, row in enumerate(differences) if not row.max() <= TOLERANCE]
    if wrong:
        raise ConversionError(
            f"The converted model does not give what {source.framework} gives: the {known.gives} "
            f"differ by {np.nanmax(differences):.2g}, more than {TOLERANCE}, in {len(wrong)} of "
            f"{len(known.texts)} texts, so nothing was written; its pooling may be another than "
            f"{source.shape.pooling}, there may be something between the parts that its file does "
            "not tell, or the samples may have been padded, or made with dropout."
        )
