import pytest

from conveyor.model.data.examples import Example
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.training.recipe import AUTOMATIC, MOST_STEPS, MOST_TOKENS, Table, recipe
from conveyor.model.training.settings import TrainingSettings
from conveyor.model.types import Chosen, spelled

NOTHING = TrainingSettings()


def table(texts: int = 1_000, tokens: float = 12.0, known: float = 0.95) -> Table:
    return Table(texts, 3, tokens, known)


def test_a_table_is_measured_with_the_language_models_tokens() -> None:
    tokenizer = Tokenizer.train(["a b c d"] * 2, "word", 300)
    measured = Table.of([Example("a b", "x"), Example("c y", "z"), Example("", "x")], tokenizer, 9)
    assert (measured.texts, measured.labels) == (3, 2)
    assert measured.tokens == pytest.approx(4 / 3)
    assert measured.known == pytest.approx(3 / 4)
    assert Table.of([Example("", "x")], tokenizer, 9) == Table(1, 1, 1.0, 1.0)
    assert Table.of([Example("a " * 100, "x")], tokenizer, 9).tokens == 9


@pytest.mark.parametrize("texts", [2, 20, 300, 3_000, 10_000, 25_000, 100_000, 500_000])
@pytest.mark.parametrize("tokens", [1.0, 12.0, 250.0, 4_000.0])
def test_few_texts_are_read_often_and_many_a_few_times(texts: int, tokens: float) -> None:
    settings = recipe(table(texts, tokens), NOTHING, AUTOMATIC).settings
    steps = settings.epochs * max(1.0, texts / settings.batch_size)
    assert settings.epochs >= 3
    assert settings.patience <= settings.epochs
    if settings.epochs > 3:
        assert steps <= 1.2 * MOST_STEPS
        assert settings.epochs * texts * tokens <= 1.2 * MOST_TOKENS


def test_it_follows_the_number_of_texts() -> None:
    epochs = [recipe(table(n), NOTHING, AUTOMATIC).settings.epochs for n in (100, 1_000, 10_000)]
    assert epochs == sorted(epochs, reverse=True)
    assert epochs[0] > 5 * epochs[-1]


def test_the_language_model_is_for_texts_whose_words_it_knows() -> None:
    known = recipe(table(known=0.9), NOTHING, AUTOMATIC)
    assert known.english
    assert known.reasons[0].startswith("Starts from the English language model, which knows 90%")
    unknown = recipe(table(known=0.3), NOTHING, AUTOMATIC)
    assert not unknown.english
    assert unknown.reasons[0] == (
        "Starts from nothing: the English language model knows 30% of the tokens."
    )


def test_a_pretrained_network_reads_half_as_often() -> None:
    epochs = {
        start: recipe(table(5_000), NOTHING, start).settings.epochs
        for start in ("auto", "pretrained", "none")
    }
    assert epochs["auto"] == epochs["pretrained"] == pytest.approx(epochs["none"] / 2, abs=1)


def test_a_start_that_was_given_is_not_spoken_of() -> None:
    given = recipe(table(), NOTHING, "none")
    assert not given.english
    assert len(given.reasons) == 1


@pytest.mark.parametrize("flags", [{"hidden_size": 8}, {"cell": "rnn"}, {"tokenizer": "bpe"}])
def test_the_shape_of_the_network_may_be_given(flags: dict[str, object]) -> None:
    chosen = recipe(table(), TrainingSettings.model_validate(flags), AUTOMATIC)
    assert not chosen.english
    [name] = flags
    assert f"as --{name.replace('_', '-')} decides the network's shape" in chosen.reasons[0]


def test_what_it_chooses_is_marked_in_the_command_s_help() -> None:
    fields = TrainingSettings.model_fields
    marked = {name for name, field in fields.items() if Chosen.BY_TABLE in field.metadata}
    chosen = recipe(table(), NOTHING, AUTOMATIC)
    changed = {n for n in fields if getattr(chosen.settings, n) != getattr(NOTHING, n)}
    told = {name for name in fields if f"{spelled(name)} " in chosen.reasons[1]}
    assert changed <= told
    assert told == marked


def test_every_flag_overrules_it_and_is_not_told_as_chosen() -> None:
    given = TrainingSettings(epochs=2, batch_size=7, patience=1, averaging=0.5, ngrams=0.0)
    chosen = recipe(table(), given, AUTOMATIC)
    assert chosen.settings == given
    assert "--epochs" not in chosen.reasons[1]
    assert recipe(table(), TrainingSettings(epochs=100), AUTOMATIC).settings.patience == 40
    half = recipe(table(), TrainingSettings(batch_size=7, dropout=0.1), AUTOMATIC)
    assert half.settings.batch_size == 7
    assert half.settings.dropout == 0.1
    assert half.settings.epochs > 3
    assert f"--epochs {half.settings.epochs} " in half.reasons[1]
    assert "--batch-size" not in half.reasons[1]
