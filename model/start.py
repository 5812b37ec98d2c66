"""Start: what the training of a classifier can start from, in place of chance."""

from typing import Protocol

from model.network import LSTMClassifier
from model.settings import TrainingSettings
from model.tokenizer import Tokenizer


class Start(Protocol):
    """A pretrained model, or word vectors."""

    @property
    def hashes(self) -> list[str]:
        """Hashes of all that a run takes from it."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer that the run has to have; None if it trains its own."""

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """The settings of a run that starts from here: sizes are taken over.

        Raises TrainingError where a setting says something else.
        """

    def lay(self, network: LSTMClassifier, tokenizer: Tokenizer, /) -> str:
        """Put into a network what is known; a clause that says for people what that is.

        Raises ModelError.
        """
