"""Conversion of a source, a tokenizer and labels to an artifact that gives the same outputs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from pydantic import ValidationError
from torch import Tensor

from conveyor.model.artifact import storage
from conveyor.model.artifact.card import converted_card
from conveyor.model.convert.proof import Proof, prove
from conveyor.model.convert.samples import Samples
from conveyor.model.convert.source import Source
from conveyor.model.convert.tokens import Tokens
from conveyor.model.errors import ConversionError, describe
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.config import ModelConfig

EMBEDDING = "embedding.weight"
# Enough to move every state, short enough to be read.
GOLDEN_TOKENS = 24


@dataclass(frozen=True)
class TargetSpec:
    """The specification of a converted model: what its source does not say."""

    tokens: Tokens
    labels: Sequence[str]
    max_tokens: int
    name: str  # for its card
    origin: str
    about: str = ""


def convert(source: Source, target: TargetSpec, samples: list[Samples], directory: Path) -> Proof:
    """Write an artifact to ``directory``, once it is shown to give what the source gives.

    What could not be compared with the source itself is marked as unverified. Raises
    ConversionError, and OSError.
    """
    config = _config(source, target)
    embedding = _rows(source.weights[EMBEDDING], config.vocab_size)
    try:
        network = storage.network_of(config, source.weights | {EMBEDDING: embedding})
    except ValueError as error:
        raise ConversionError(f"The {source.framework} model does not fit: {error}.") from None
    classifier = Classifier(config, network, target.tokens.tokenizer)
    proof = prove(classifier, source, samples)
    origin = f"Converted from the {source.framework} model {target.origin}; {proof}."
    if not proof.verified:
        origin += f" It is {storage.UNVERIFIED}."
        config = config.model_copy(update={"unverified": True})
        classifier = replace(classifier, config=config)
    card = converted_card(target.name, config, origin, target.about)
    golden = " ".join(classifier.tokenizer.vocabulary_sample(GOLDEN_TOKENS))
    storage.save(directory, classifier, golden_text=golden, card=card)
    storage.understand(*storage.read(directory))  # as it will be served
    return proof


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """Yield a directory to write, which is moved to ``out`` when all is done, or not at all.

    So ``out`` holds a whole artifact or nothing. Raises ConversionError.
    """
    check_free(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            directory = Path(temporary) / "model"
            yield directory
            directory.replace(out)
    except OSError as error:
        raise ConversionError(f"The model cannot be written to {out}: {error.strerror}.") from None


def check_free(out: Path) -> None:
    """Raise ConversionError if there is something of this name already."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise ConversionError(f"{out} is there already: choose another --out, or remove it.")


def _config(source: Source, target: TargetSpec) -> ModelConfig:
    shape = source.shape
    if len(target.labels) != shape.labels:
        raise ConversionError(
            f"The model tells {shape.labels} labels apart, but these are {len(target.labels)}: "
            f"{', '.join(target.labels)}; give --labels, all of them, in the order of its outputs."
        )
    rows = shape.vocab_size
    size = target.tokens.tokenizer.vocab_size
    if size - target.tokens.added_padding > rows:
        raise ConversionError(
            f"The tokenizer has {size} entries, but the embedding has {rows} rows: they belong to "
            "different models."
        )
    if source.skips not in {None, target.tokens.pad_token_id}:
        raise ConversionError(
            f"The {source.framework} model skips the token id {source.skips} wherever it stands, "
            f"but the tokenizer's padding is {target.tokens.pad_token_id}: name the token of id "
            f"{source.skips} with --padding."
        )
    try:
        return ModelConfig(
            cell=shape.cell,
            vocab_size=size,
            embedding_dim=shape.embedding_dim,
            hidden_size=shape.hidden_size,
            num_layers=shape.num_layers,
            bidirectional=shape.bidirectional,
            pooling=shape.pooling,
            id2label=dict(enumerate(target.labels)),
            max_tokens=target.max_tokens,
            pad_token_id=target.tokens.pad_token_id,
            unk_token_id=target.tokens.unk_token_id,
        )
    except ValidationError as error:
        raise ConversionError(f"The model cannot be represented: {describe(error)}.") from None


def _rows(embedding: Tensor, size: int) -> Tensor:
    """Return a row for each entry: rows without an entry are left out, an added entry has zeros."""
    missing = embedding.new_zeros(max(0, size - len(embedding)), embedding.shape[1])
    return torch.cat([embedding[:size], missing])
