"""Info: a model directory described from its files; the network itself is not run."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from conveyor.model.artifact import language_model, model_files, storage
from conveyor.model.artifact.card import Metric, metrics
from conveyor.model.artifact.identity import ArtifactInfo
from conveyor.model.artifact.model_files import CARD, Files
from conveyor.model.files import as_unicode, name_of
from conveyor.model.network.config import LanguageModelConfig, ModelConfig
from conveyor.model.network.parameters import (
    ParameterInfo,
    Part,
    classifier_parts,
    language_model_parts,
)


class StoredFile(BaseModel):
    """A file of the directory, and its size."""

    name: str
    bytes: int


class Info(BaseModel):
    """The description that ``conveyor info`` prints; with ``--json``, as JSON.

    ``artifact``, ``config``, ``labels`` and ``parameters`` are those of ``GET /info``. A language
    model has no labels; the head among its parameters is its output, the embedding aside.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["classifier", "language model"]
    artifact: ArtifactInfo
    sealed: bool = Field(description="Whether SHA256SUMS shows that the files are as written.")
    config: ModelConfig | LanguageModelConfig
    labels: list[str]
    parameters: ParameterInfo
    parts: list[Part]
    dtypes: list[str]
    files: list[StoredFile]
    bytes: int
    metrics: list[Metric]


def is_language_model(directory: Path) -> bool:
    """Tell if `conveyor pretrain` has made this directory, and not `conveyor train`."""
    return (directory / language_model.CONFIG).exists() and not (
        directory / model_files.CONFIG
    ).exists()


def info(directory: Path) -> Info:
    """Describe a directory that `conveyor train` or `conveyor pretrain` has written.

    All its files are read as strictly as when they are loaded, but nothing is computed. Raises
    ArtifactError with one sentence that says what is wrong with the directory.
    """
    return _language_model(directory) if is_language_model(directory) else _classifier(directory)


def _classifier(directory: Path) -> Info:
    files, config = storage.read(directory)
    storage.read_tokenizer(files, config)
    storage.read_network(files, config)
    return _info(files, "classifier", storage.sha256(files), config, classifier_parts(config))


def _language_model(directory: Path) -> Info:
    files, config = language_model.read(directory)
    model = language_model.understand(files, config)
    parts = language_model_parts(model.config)
    return _info(files, "language model", model.sha256, model.config, parts)


def _info(
    files: Files,
    kind: Literal["classifier", "language model"],
    sha256: str,
    config: ModelConfig | LanguageModelConfig,
    parts: list[Part],
) -> Info:
    stored = _stored(files.directory)
    card = files.directory / CARD
    return Info(
        kind=kind,
        artifact=ArtifactInfo(name=name_of(files.directory), sha256=sha256),
        sealed=files.sums is not None,
        config=config,
        labels=list(config.labels) if isinstance(config, ModelConfig) else [],
        parameters=ParameterInfo.of(parts),
        parts=parts,
        dtypes=dtypes(files.tensors()),
        files=stored,
        bytes=sum(file.bytes for file in stored),
        metrics=metrics(card) if card.exists() else [],
    )


def dtypes(tensors: dict[str, Tensor]) -> list[str]:
    """List the types of number in which tensors are stored, each once: mostly one, as float16."""
    return sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()})


def _stored(directory: Path) -> list[StoredFile]:
    paths = sorted(path for path in directory.iterdir() if path.is_file())
    return [StoredFile(name=as_unicode(path.name), bytes=path.stat().st_size) for path in paths]
