"""Continuation: a classifier that goes on learning, from other texts or for other labels."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from conveyor.model.artifact.storage import Artifact
from conveyor.model.errors import TrainingError
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.tokenizer import PAD_ID, UNK_ID, Tokenizer
from conveyor.model.training.initialization import load_embedding, sizes_from
from conveyor.model.training.settings import TrainingSettings

# What the network has in common with the classifier that it starts from.
SHAPE = ("cell", "embedding_dim", "hidden_size", "num_layers", "bidirectional", "pooling")


@dataclass(frozen=True)
class Continuation:
    """A classifier to start from, its head included where the labels are the same."""

    artifact: Artifact

    @property
    def config(self) -> ModelConfig:
        """The classifier's shape and labels."""
        return self.artifact.classifier.config

    @property
    def hashes(self) -> list[str]:
        """The hash of the classifier."""
        return [self.artifact.sha256]

    def tokenizer(self, texts: Iterable[str], settings: TrainingSettings) -> Tokenizer:
        """Return the classifier's tokenizer; one of words learns those of the texts it lacks."""
        own = Tokenizer.train(texts, "word", settings.vocab_size)
        return self.artifact.classifier.tokenizer.extended(own.entries)

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """Return the settings of a run that starts from here: its shape is taken over.

        Raises TrainingError where a setting says something else, or the tokens are not ours.
        """
        if (self.config.pad_token_id, self.config.unk_token_id) != (PAD_ID, UNK_ID):
            raise TrainingError(
                f"{self.artifact.name} was converted, with tokens that `conveyor train` does not "
                "make: start from a model that it has made, or from a language model."
            )
        return sizes_from(self.config, SHAPE, own)

    def load_into(self, network: LSTMClassifier, _tokenizer: Tokenizer) -> str:
        """Load the classifier's weights into a network of other labels, or of the same."""
        old = self.artifact.classifier.network
        same = network.config.labels == self.config.labels
        with torch.no_grad():
            added = load_embedding(network.embedding, old.embedding.weight)
            network.recurrent.load_state_dict(old.recurrent.state_dict())
            if same:
                network.head.load_state_dict(old.head.state_dict())
        clauses = [f"from {self.artifact.name}"]
        clauses += [f"{added:,} tokens new to it"] if added else []
        clauses += [] if same else ["its labels are others"]
        return ", ".join(clauses)
