"""A real artifact whose output encodes its input, so that a misrouted answer is a wrong one.

Its texts are filler words and one number word, n0 to n199, and its label is that word. The network
is an LSTM like any other, with weights that are written down instead of learned: a filler closes
the input gate; the number's binary digits come onto the belt, which forgets nothing; and the head
compares them with those of every label.
"""

import random
from pathlib import Path

import torch

from conveyor.model.artifact import storage
from conveyor.model.inference.classifier import Classifier
from conveyor.model.network.cell import parameters
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.text.tokenizer import PAD_ID, UNK_ID, Tokenizer

NUMBERS = 200
BITS = 8
OPEN = 20.0  # σ(20) is 1 - 2e-9
FILLERS = ["the", "film", "was", "and", "its", "story"]


def echo_text(number: int, rng: random.Random, longest: int) -> str:
    """Make a text of up to so many words that the model labels with this number."""
    words = rng.choices(FILLERS, k=rng.randint(0, longest - 1))
    words.insert(rng.randint(0, len(words)), f"n{number}")
    return " ".join(words)


def save_echo(directory: Path) -> None:
    """Write the artifact."""
    words = [*FILLERS, *(f"n{number}" for number in range(NUMBERS))]
    tokenizer = Tokenizer.train([" ".join(words)] * 2, "word", 1000)
    config = ModelConfig(
        vocab_size=tokenizer.vocab_size,
        embedding_dim=BITS + 1,
        hidden_size=BITS,
        pooling="last",
        id2label={number: f"n{number}" for number in range(NUMBERS)},
        max_tokens=2000,
        pad_token_id=PAD_ID,
        unk_token_id=UNK_ID,
    )
    network = LSTMClassifier(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        parameter.zero_()
    digits = [[n >> bit & 1 for bit in range(BITS)] for n in range(NUMBERS)]
    codes = torch.tensor(digits) * 2.0 - 1.0
    network.embedding.weight[:, BITS] = -1.0  # the input gate's own dimension: closed
    for number in range(NUMBERS):
        [encoding] = tokenizer.encode([f"n{number}"])
        [token] = encoding.ids
        network.embedding.weight[token, :BITS] = codes[number]
        network.embedding.weight[token, BITS] = 1.0
    weights, _, bias, _ = parameters(network.recurrent, 0, "forward")
    in_gate, _, candidate, _ = weights.chunk(4)
    in_gate[:, BITS] = OPEN
    candidate[:, :BITS] = OPEN * torch.eye(BITS)
    _, forget_bias, _, out_bias = bias.chunk(4)
    forget_bias.fill_(OPEN)
    out_bias.fill_(OPEN)
    network.head.weight.copy_(OPEN * codes)
    classifier = Classifier(config, network, tokenizer)
    storage.save(directory, classifier, golden_text="the film n5 was", card="# echo\n")
