"""The language model that is shipped, for classifiers to start from."""

import random

import pytest
import torch

from conveyor import SHIPPED
from conveyor.model.artifact import language_model
from conveyor.model.artifact.language_model import PretrainedLanguageModel
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.training.initialization import PretrainedInitialization
from tests.model.reference import make_config

SENTENCES = (
    "this is one of the best films i have ever seen .",
    "the plot makes no sense and the acting is terrible , but it is still fun to watch .",
    "i do not know why anyone would want to spend two hours of their life on this movie .",
)


@pytest.fixture(scope="module")
def language() -> PretrainedLanguageModel:
    return language_model.load(SHIPPED.parent / "imdb-language")


def test_it_finds_sentences_likelier_than_their_words_in_another_order(
    language: PretrainedLanguageModel,
) -> None:
    network = language_model.network_of(language.config)
    network.load_state_dict(language.weights)
    network.eval()
    for sentence in SENTENCES:
        words = sentence.split()
        shuffled = random.Random(0).sample(words, len(words))
        losses = []
        for text in (words, shuffled):
            [encoding] = language.tokenizer.encode([" ".join(text)], offsets=False)
            window = torch.tensor([[0], *([token] for token in encoding.ids)])
            loss, _ = network.full_loss(window, network.start(1))
            losses.append(loss / len(encoding))
        assert losses[0] < losses[1] - 1, sentence


def test_a_classifier_starts_from_it(language: PretrainedLanguageModel) -> None:
    names = ("vocab_size", "embedding_dim", "hidden_size", "num_layers")
    sizes = {name: getattr(language.config, name) for name in names}
    config = make_config().model_copy(update=sizes)
    network = LSTMClassifier(config)
    PretrainedInitialization(language).load_into(network, language.tokenizer)
    state = network.state_dict()
    for name in ("embedding.weight", "lstm.weight_ih_l0", "lstm.weight_hh_l0"):
        torch.testing.assert_close(state[name], language.weights[name], rtol=0, atol=0)
