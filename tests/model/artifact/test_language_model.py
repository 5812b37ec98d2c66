from pathlib import Path

import pytest
import torch

from conveyor.model.artifact import language_model, storage
from conveyor.model.artifact.language_model import PretrainedLanguageModel
from conveyor.model.artifact.manifest import MANIFEST
from conveyor.model.errors import ArtifactError, TrainingError
from conveyor.model.training.initialization import PretrainedInitialization
from conveyor.model.training.pretrain import pretrain
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.training.train import _Data, _prepare, train
from tests.conftest import TINY, reviews
from tests.model.training.test_pretrain import QUICK, texts

# Settings of a classifier that leave to a language model what it has to say.
OPEN = TrainingSettings(epochs=1, batch_size=16, device="cpu")


def made(
    directory: Path, origin: PretrainedLanguageModel | None = None, **changes: object
) -> PretrainedLanguageModel:
    settings = QUICK.model_copy(update={"epochs": 1, "num_layers": 2, **changes})
    pretrain(texts(30), settings, directory, embedding_of=origin)
    return language_model.load(directory)


@pytest.fixture(scope="module")
def forward(tmp_path_factory: pytest.TempPathFactory) -> PretrainedLanguageModel:
    return made(tmp_path_factory.mktemp("forward"))


@pytest.fixture(scope="module")
def backward(
    tmp_path_factory: pytest.TempPathFactory, forward: PretrainedLanguageModel
) -> PretrainedLanguageModel:
    return made(tmp_path_factory.mktemp("backward"), forward, backward=True)


def test_pretrained_weights_arrive_in_the_classifier(
    tmp_path: Path, forward: PretrainedLanguageModel
) -> None:
    initialization = PretrainedInitialization(forward)
    settings = initialization.settings(OPEN)
    run = _prepare(_Data(reviews(20)), ["blame", "praise"], {}, settings, tmp_path, initialization)
    state = run.network.state_dict()
    for name in state.keys() - {"head.weight", "head.bias"}:
        assert torch.equal(state[name], forward.weights[name]), name
    assert run.tokenizer is forward.tokenizer


def test_both_directions_begin_as_if_they_were_alone(
    tmp_path: Path, forward: PretrainedLanguageModel, backward: PretrainedLanguageModel
) -> None:
    initialization = PretrainedInitialization(forward, backward)
    settings = initialization.settings(OPEN.model_copy(update={"bidirectional": True}))
    run = _prepare(_Data(reviews(20)), ["blame", "praise"], {}, settings, tmp_path, initialization)
    lstm = run.network.recurrent
    for suffix, origin in (("", forward), ("_reverse", backward)):
        weight = origin.weights["lstm.weight_ih_l1"]
        placed = lstm.get_parameter(f"weight_ih_l1{suffix}")
        own, other = (
            (placed[:, :8], placed[:, 8:]) if not suffix else (placed[:, 8:], placed[:, :8])
        )
        assert torch.equal(own, weight)
        assert (other == 0).all()
        bias = lstm.get_parameter(f"bias_ih_l0{suffix}")
        assert torch.equal(bias, origin.weights["lstm.bias_ih_l0"])


def test_a_classifier_is_made_from_it(tmp_path: Path, forward: PretrainedLanguageModel) -> None:
    train(reviews(60), OPEN, tmp_path, initialization=PretrainedInitialization(forward))
    config = storage.load(tmp_path).classifier.config
    assert (config.embedding_dim, config.hidden_size, config.num_layers) == (6, 8, 2)


def test_a_setting_that_says_something_else_is_refused(forward: PretrainedLanguageModel) -> None:
    with pytest.raises(TrainingError, match="embedding dim of the pretrained model is 6, and not"):
        PretrainedInitialization(forward).settings(TINY)


def test_a_simple_rnn_cannot_start_from_it(forward: PretrainedLanguageModel) -> None:
    with pytest.raises(TrainingError, match="pretrained model's cell is lstm, and not rnn: leave"):
        PretrainedInitialization(forward).settings(OPEN.model_copy(update={"cell": "rnn"}))


def test_directions_that_do_not_fit_are_refused(
    tmp_path: Path, forward: PretrainedLanguageModel, backward: PretrainedLanguageModel
) -> None:
    both = OPEN.model_copy(update={"bidirectional": True})
    with pytest.raises(TrainingError, match="pretrained model reads backward: give one"):
        PretrainedInitialization(backward).settings(OPEN)
    with pytest.raises(TrainingError, match="make it bidirectional, or leave"):
        PretrainedInitialization(forward, backward).settings(OPEN)
    with pytest.raises(TrainingError, match="backward model reads forward"):
        PretrainedInitialization(forward, forward).settings(both)
    other = made(tmp_path, backward=True, seed=5)
    with pytest.raises(TrainingError, match="do not share sizes, tokens and embeddings"):
        PretrainedInitialization(forward, other).settings(both)


def test_another_beginning_is_another_run(
    forward: PretrainedLanguageModel, backward: PretrainedLanguageModel
) -> None:
    assert (
        len(
            {
                *PretrainedInitialization(forward, backward).hashes,
                *PretrainedInitialization(forward).hashes,
            }
        )
        == 2
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("pretrained.json", None, "pretrained.json is missing: a pretrained model's directory"),
        ("pretrained.json", b"{}", "pretrained.json is not valid: tokenizer: Field required"),
        ("tokenizer.json", b"{}", "tokenizer.json is not valid"),
        ("model.safetensors", b"", "model.safetensors is not valid"),
    ],
)
def test_a_broken_directory_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, says: str
) -> None:
    made(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=f"{name} is not as it was written"):
            language_model.load(tmp_path)
        (tmp_path / MANIFEST).unlink()
    with pytest.raises(ArtifactError, match=says) as caught:
        language_model.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_files_of_two_models_are_refused(tmp_path: Path) -> None:
    made(tmp_path)
    (tmp_path / MANIFEST).unlink()
    path = tmp_path / "pretrained.json"
    whole = path.read_text()
    path.write_text(whole.replace('"hidden_size": 8', '"hidden_size": 9'))
    with pytest.raises(ArtifactError, match=r"has the shape .* but pretrained.json asks for"):
        language_model.load(tmp_path)
    path.write_text(whole.replace('"vocab_size": ', '"vocab_size": 1'))
    with pytest.raises(ArtifactError, match="entries, which are not the ids"):
        language_model.load(tmp_path)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a directory: give one that"):
        language_model.load(tmp_path / "nowhere")
