"""PretrainingRun: the training of a language model between two of its steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conveyor.model import interruption
from conveyor.model.artifact.language_model import PretrainedLanguageModel
from conveyor.model.network.config import LanguageModelConfig
from conveyor.model.network.language_model import (
    Ends,
    LanguageModel,
    draw,
    log_frequencies,
    perplexity,
)
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.checkpoint import seed_step
from conveyor.model.training.loop import Means, Run
from conveyor.model.training.optimizer import Optimizer, autocast, check_finite, choose_device
from conveyor.model.training.settings import PretrainingSettings
from conveyor.model.training.stream import rows, shuffled, stream, window_count, windows

# Negatives are drawn a little more evenly than tokens occur (Mikolov et al., 2013).
NEGATIVES_POWER = 0.75


@dataclass(kw_only=True)
class PretrainingRun(Run[Tensor]):
    """The training of a language model between two of its steps.

    ``ids`` and ``held_out`` are the token ids of each text, in the order in which they are read.
    Weights begin as those of ``pretrained``, if there is such a model; embeddings are taken from
    ``embedding_of``, and stay as they are.
    """

    progress = ("step", "epoch", "ends")

    settings: PretrainingSettings
    tokenizer: Tokenizer
    ids: list[NDArray[np.int32]]
    held_out: list[NDArray[np.int32]]
    embedding_of: PretrainedLanguageModel | None = None
    pretrained: PretrainedLanguageModel | None = None

    network: LanguageModel = field(init=False)
    ends: Ends = field(default_factory=list)

    def __post_init__(self) -> None:
        settings = self.settings
        self.device = choose_device(settings.device)
        self.network = self._initial_network().to(self.device)
        learning = [weight for weight in self.network.parameters() if weight.requires_grad]
        self.optimizer = Optimizer(
            [(learning, settings.learning_rate)], settings.weight_decay, self.steps
        )
        counts = np.bincount(self._stream(self.ids), minlength=self.tokenizer.vocab_size)
        self.log_frequencies = log_frequencies(torch.from_numpy(counts), NEGATIVES_POWER).to(
            self.device
        )

    def _initial_network(self) -> LanguageModel:
        settings = self.settings
        torch.manual_seed(settings.seed)
        network = LanguageModel(
            self.tokenizer.vocab_size,
            settings.embedding_dim,
            settings.hidden_size,
            settings.num_layers,
            embedding_dropout=settings.embedding_dropout,
            output_dropout=settings.output_dropout,
            weight_dropout=settings.weight_dropout,
        )
        if self.pretrained:
            network.load_state_dict(self.pretrained.weights)
        if self.embedding_of:
            network.embedding.weight.data.copy_(self.embedding_of.weights["embedding.weight"])
            network.embedding.requires_grad_(False)
        return network

    @property
    def stream_length(self) -> int:
        """The number of tokens in an epoch, separators included."""
        return sum(map(len, self.ids)) + len(self.ids) + 1

    @property
    def steps_per_epoch(self) -> int:
        """The number of windows in an epoch."""
        return window_count(self.stream_length, self.settings.batch_size, self.settings.bptt)

    def describe(self) -> str:
        """Tell what is learned from what, and from where."""
        resumed = f", continued at step {self.step:,}" if self.step else ""
        return (
            f"{len(self.ids):,} texts of {self.stream_length:,} tokens, "
            f"{self.tokenizer.vocab_size:,} in the vocabulary, on {self.device}{resumed}"
        )

    def begin_epoch(self) -> Iterator[Tensor]:
        """Return the windows (T+1, B) of tokens that the epoch still has."""
        order = shuffled(len(self.ids), self.settings.seed, self.epoch)
        tokens = self._rows(stream(self.ids, order), self.settings.batch_size)
        done = self.step - self.epoch * self.steps_per_epoch
        if done == 0:
            self.ends = self.network.start(tokens.shape[1])
        remaining = islice(windows(len(tokens) - 1, self.settings.bptt), done, None)
        return (tokens[window] for window in remaining)

    def backward(self, batch: Tensor, means: Means) -> None:
        """Add the gradients of a window (T+1, B)."""
        seed_step(self.settings.seed, self.step)
        drawn, log_expected = draw(self.log_frequencies, self.settings.negatives)
        with autocast(self.device, self.settings.precision):
            loss, self.ends = self.network.sampled_loss(
                batch.long(), self.ends, drawn, log_expected
            )
        check_finite(loss, self.step)
        loss.backward()  # type: ignore[no-untyped-call]
        self.tokens += batch[1:].numel()
        means.add(loss.item(), 1)

    def perplexity(self) -> float:
        """Measure the perplexity on the held-out texts, over the whole vocabulary."""
        self.network.eval()
        joined = self._stream(self.held_out)
        # Few tokens are read in few rows: every row begins where nothing is known of its text.
        count = max(1, min(self.settings.batch_size, len(joined) // self.settings.bptt))
        tokens = self._rows(joined, count)
        ends = self.network.start(tokens.shape[1])
        losses = []
        for window in interruption.watched(windows(len(tokens) - 1, self.settings.bptt)):
            with autocast(self.device, self.settings.precision):
                loss, ends = self.network.full_loss(tokens[window].long(), ends)
            losses.append(loss)
        return perplexity(losses, tokens[1:].numel())

    def _stream(self, ids: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
        return stream(ids, range(len(ids)))

    def _rows(self, tokens: NDArray[np.int32], count: int) -> Tensor:
        return torch.from_numpy(rows(tokens, count)).to(self.device)

    def language_model(self) -> PretrainedLanguageModel:
        """Return the language model as the run has it now."""
        settings = self.settings
        state = self.network.state_dict()
        return PretrainedLanguageModel(
            LanguageModelConfig(
                tokenizer=settings.tokenizer,
                vocab_size=self.tokenizer.vocab_size,
                embedding_dim=settings.embedding_dim,
                hidden_size=settings.hidden_size,
                num_layers=settings.num_layers,
                direction="backward" if settings.backward else "forward",
            ),
            self.tokenizer,
            {name: tensor.cpu().contiguous() for name, tensor in state.items()},
        )
