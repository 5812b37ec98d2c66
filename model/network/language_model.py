"""LanguageModel: the network that learns a language by predicting each next token.

Shapes in comments: B rows, T steps, X numbers of an embedding, H units, K negatives, N = T*B.
Steps come first.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from conveyor.model.network import embedding, lstm
from conveyor.model.network.cell import parameters
from conveyor.model.network.dropout import locked_dropout, weight_dropout
from conveyor.model.text.tokenizer import PAD_ID

# h and c (B, H) of every layer.
Ends = list[tuple[Tensor, Tensor]]

# Embeddings that are also the output's weights begin small, else the first guesses are wild.
INITIAL_STD = 0.1
# Positions whose scores over the whole vocabulary are computed at once: tens of megabytes.
SCORED_AT_ONCE = 512


class LanguageModel(nn.Module):
    """Embedding, the LSTM of an `LSTMClassifier` that reads forward, and the embedding again.

    A token's score is the product of its embedding with the state, projected to the embedding's
    width where that differs, plus a bias: input and output share their weights (Press & Wolf,
    2017). The padding token, which stands between texts, has a zero for its embedding and so only
    its bias for a score. That is enough: how likely an end is depends little on what came before.
    """

    def __init__(
        self,
        vocab_size: int,
        embedding_dim: int,
        hidden_size: int,
        num_layers: int,
        *,
        embedding_dropout: float = 0.0,
        output_dropout: float = 0.0,
        weight_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding_dropout = embedding_dropout
        self.output_dropout = output_dropout
        self.weight_dropout = weight_dropout
        self.embedding = embedding.build(vocab_size, embedding_dim, PAD_ID)
        self.lstm = lstm.build(embedding_dim, hidden_size, num_layers)
        self.projection = (
            nn.Identity()
            if hidden_size == embedding_dim
            else nn.Linear(hidden_size, embedding_dim, bias=False)
        )
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        with torch.no_grad():
            self.embedding.weight.mul_(INITIAL_STD)

    def start(self, rows: int) -> Ends:
        """Return the state in which reading begins: zeros."""
        zeros = self.bias.new_zeros(rows, self.lstm.hidden_size)
        return [(zeros, zeros)] * self.lstm.num_layers

    def read(self, x: Tensor, start: Ends) -> tuple[Tensor, Ends]:
        """Return predicted embeddings (T, B, X) after each step of x (T, B, X), and the end."""
        x = locked_dropout(x, self.embedding_dropout, self.training)
        ends = []
        for layer, before in enumerate(start):
            weights = parameters(self.lstm, layer, "forward")
            weights = weight_dropout(weights, self.weight_dropout, self.training)
            x, (h, c) = lstm.run_on(x, before, weights)
            x = locked_dropout(x, self.output_dropout, self.training)
            # Detached: gradients do not reach into the window before.
            ends.append((h.detach().float(), c.detach().float()))
        return self.projection(x), ends

    def sampled_loss(
        self, window: Tensor, start: Ends, negatives: Tensor, log_expected: Tensor
    ) -> tuple[Tensor, Ends]:
        """Return the mean loss over the targets of a window of ids (T+1, B), and the end.

        The softmax is over the target and ``negatives`` (K,), which all positions share;
        ``log_expected`` (K,) is the logarithm of how often each was expected to be drawn.
        """
        # All rows of the embedding that are needed, gathered once: its gradient is as large as the
        # vocabulary, and would be made anew for each use.
        ids, indices = torch.unique(torch.cat([window.flatten(), negatives]), return_inverse=True)
        rows, biases = self.embedding(ids), self.bias[ids]
        read, drawn = indices.split([window.numel(), len(negatives)])
        read = read.view_as(window)
        states, ends = self.read(functional.embedding(read[:-1], rows), start)
        losses = sampled_softmax(
            states.flatten(0, 1), rows, biases, read[1:].flatten(), drawn, log_expected
        )
        return losses.mean(), ends

    @torch.inference_mode()
    def full_loss(self, window: Tensor, start: Ends) -> tuple[float, Ends]:
        """Return the summed loss over the targets of a window (T+1, B), over all the vocabulary."""
        states, ends = self.read(self.embedding(window[:-1]), start)
        total = 0.0
        for some, targets in zip(
            torch.split(states.flatten(0, 1), SCORED_AT_ONCE),
            torch.split(window[1:].flatten(), SCORED_AT_ONCE),
            strict=True,
        ):
            scores = functional.linear(some, self.embedding.weight).float() + self.bias
            total += functional.cross_entropy(scores, targets, reduction="sum").item()
        return total, ends


def sampled_softmax(
    states: Tensor,
    rows: Tensor,
    biases: Tensor,
    targets: Tensor,
    negatives: Tensor,
    log_expected: Tensor,
) -> Tensor:
    """Return losses (N,) of states (N, X), summed over sampled tokens, not the vocabulary.

    ``targets`` (N,) and ``negatives`` (K,) are indices of ``rows`` (M, X) and ``biases`` (M,). Each
    negative counts for as many tokens as it stands for: its score is lowered by ``log_expected``
    (importance sampling: Bengio & Senécal, 2008; shared by all positions: Jean et al., 2015). So
    the sum is right on average, and the loss comes near the whole softmax's as K grows.
    """
    scores = (states @ functional.embedding(negatives, rows).T).float()
    scores = scores.add_(biases[negatives] - log_expected)
    # A negative that is the target itself is in the sum already.
    scores = scores.masked_fill_(targets.unsqueeze(1) == negatives, -math.inf)
    score = (states.float() * functional.embedding(targets, rows)).sum(dim=-1) + biases[targets]
    # log(exp(score) + sum of exp(scores)) - score
    return functional.softplus(scores.logsumexp(dim=-1) - score)


def log_frequencies(counts: Tensor, power: float) -> Tensor:
    """Return log-probabilities (V,) to draw each token: its count (V,) to a power; none is 0."""
    weights = counts.clamp(min=1).double() ** power
    return (weights / weights.sum()).log()


def draw(log_probabilities: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Draw ``count`` ids (K,) with these probabilities (V,); also return each one's expected count.

    The expected counts (K,) are logarithms, as `sampled_softmax` needs them.
    """
    drawn = torch.multinomial(log_probabilities.exp(), count, replacement=True)
    return drawn, (log_probabilities[drawn] + math.log(count)).float()


def perplexity(losses: Sequence[float], targets: int) -> float:
    """Return the exponential of the mean loss over so many targets."""
    return math.exp(min(sum(losses) / targets, 700.0))  # beyond, a float ends
