from typing import Any

import pytest
from pydantic import ValidationError

from conveyor.model.network.config import ModelConfig

VALID: dict[str, Any] = {
    "vocab_size": 10,
    "embedding_dim": 4,
    "hidden_size": 3,
    "id2label": {0: "no", 1: "yes"},
    "max_tokens": 100,
    "pad_token_id": 0,
    "unk_token_id": 1,
}


def test_json_restores_it() -> None:
    config = ModelConfig(**VALID, bidirectional=True, label_aliases={"y": "yes"})
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config
    assert config.labels == ("no", "yes")
    assert config.directions == ("forward", "backward")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"id2label": {0: "no"}}, "at least two labels"),
        ({"id2label": {0: "no", 2: "yes"}}, "without a gap"),
        ({"id2label": {0: "no", 1: "no"}}, "twice"),
        ({"label_aliases": {"n": "never"}}, "'never', which is no label"),
        ({"pad_token_id": 10}, "pad_token_id must lie inside"),
        ({"unk_token_id": -1}, "unk_token_id must lie inside"),
        ({"hidden_size": 0}, "greater than or equal to 1"),
        ({"hidden_size": "3"}, "valid integer"),
        ({"cell": "gru"}, "'lstm' or 'rnn'"),
        ({"pooling": "sum"}, "'last', 'max', 'mean' or 'concat'"),
        ({"format_version": 2}, "Input should be 1"),
        ({"surprise": 1}, "not permitted"),
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        ModelConfig(**(VALID | change))
