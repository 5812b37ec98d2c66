"""POST /states: selection, formats, summaries, and texts that come in pieces."""

import gzip
import io
import re
from typing import Any

import httpx
import numpy as np
import pytest
import safetensors.numpy
import zstandard
from numpy.typing import NDArray

from conveyor import SHIPPED
from conveyor.service.api.encoding import FORMATS
from tests.integration.conftest import Server, serving
from tests.integration.test_states import TENSORS, TEXTS
from tests.process import PATIENCE

LONG = " ".join(["It was a great film, and I loved every minute of it."] * 20)
NPZ, SAFETENSORS = "application/x-npz", "application/vnd.safetensors"


def ask(
    server: Server, accept: str = "*/*", coding: str = "identity", **body: Any
) -> httpx.Response:
    headers = {"accept": accept, "accept-encoding": coding}
    return httpx.post(f"{server.url}/states", json=body, headers=headers, timeout=PATIENCE)


def results(server: Server, **body: Any) -> list[dict[str, Any]]:
    answer = ask(server, **body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def arrays(answer: httpx.Response) -> dict[str, NDArray[Any]]:
    assert answer.status_code == 200, answer.text
    if answer.headers["content-type"] == NPZ:
        with np.load(io.BytesIO(answer.content), allow_pickle=False) as opened:
            return dict(opened)
    assert answer.headers["content-type"] == SAFETENSORS
    return safetensors.numpy.load(answer.content)


def test_a_selection_is_a_part_of_the_whole(stacked_server: Server) -> None:
    part: dict[str, Any] = {
        "tensors": ["cell", "output_gate"],
        "layers": [-1],
        "directions": ["backward"],
        "units": [3, "0:2"],
        "steps": "-3::2",
    }
    answer = ask(stacked_server, inputs=TEXTS, **part).json()
    assert answer["units"] == [3, 0, 1]
    for whole, selected in zip(
        results(stacked_server, inputs=TEXTS), answer["results"], strict=True
    ):
        assert selected["steps"] == whole["steps"][-3::2]
        assert selected["tokens"] == whole["tokens"]
        [layer] = selected["layers"]
        assert set(layer) == {"layer", "direction", "cell", "output_gate"}
        [everything] = [
            one for one in whole["layers"] if (one["layer"], one["direction"]) == (1, "backward")
        ]
        for name in ("cell", "output_gate"):
            expected = np.array(everything[name]).reshape(-1, 4)[selected["steps"]][:, [3, 0, 1]]
            actual = np.array(layer[name]).reshape(-1, 3)
            np.testing.assert_allclose(actual, expected, atol=1e-6)


NO_AND_TWO_DECIMALS: tuple[dict[str, Any], ...] = ({}, {"decimals": 2})


def test_decimals_round_the_numbers_of_json_alone(server: Server) -> None:
    exact, rounded = (
        results(server, inputs=TEXTS[0], step_scores=True, **more)[0]
        for more in NO_AND_TWO_DECIMALS
    )
    for name in TENSORS:
        expected = np.array(exact["layers"][0][name]).round(2)
        np.testing.assert_array_equal(rounded["layers"][0][name], expected)
    assert rounded["step_scores"] == np.array(exact["step_scores"]).round(2).tolist()
    assert rounded["prediction"] == exact["prediction"]


@pytest.mark.parametrize("accept", [NPZ, SAFETENSORS])
def test_arrays_are_those_of_json(stacked_server: Server, accept: str) -> None:
    body: dict[str, Any] = {
        "inputs": TEXTS,
        "summaries": True,
        "contributions": True,
        "units": [2, 0],
        "steps": "1:",
    }
    written = ask(stacked_server, **body).json()
    read = arrays(ask(stacked_server, accept, **body))
    expected: dict[str, Any] = {"units": written["units"]}
    for number, text in enumerate(written["results"]):
        prefix = f"text{number}."
        for name in ("ids", "steps"):
            expected[prefix + name] = text[name]
        expected[prefix + "offsets"] = np.array(text["offsets"]).reshape(-1, 2)
        expected[prefix + "truncated"] = [text["truncated"]]
        scores = {entry["label"]: entry["score"] for entry in text["prediction"]}
        expected[prefix + "probabilities"] = [scores[label] for label in written["labels"]]
        assert set(text["contributions"]) == {"bias", "forward", "backward"}
        for name, values in text["contributions"].items():
            expected[f"{prefix}contributions.{name}"] = values
        for layer in text["layers"]:
            place = f"{prefix}layer{layer['layer']}.{layer['direction']}."
            for name in TENSORS:
                expected[place + name] = np.array(layer[name], np.float32).reshape(-1, 2)
            for name, values in layer["summaries"].items():
                expected[place + name] = values
    assert set(read) == set(expected)
    for name, array in expected.items():
        shaped = np.array(array).reshape(read[name].shape)
        np.testing.assert_allclose(read[name], shaped, atol=1e-6, err_msg=name)
    assert read["text0.layer1.forward.cell"].dtype == np.float32


@pytest.mark.parametrize(
    ("accept", "gets"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/json;q=0, */*", NPZ),
        ("application/json;q=0.1, application/vnd.safetensors", SAFETENSORS),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json"),
    ],
)
def test_the_form_is_the_one_that_the_caller_likes_best(
    server: Server, accept: str, gets: str
) -> None:
    answer = ask(server, accept, inputs="a")
    assert (answer.status_code, answer.headers["content-type"]) == (200, gets)
    assert answer.headers["vary"] == "accept, accept-encoding"


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "nonsense"])
def test_a_form_that_does_not_exist_is_406(server: Server, accept: str) -> None:
    answer = ask(server, accept, inputs="a")
    assert answer.status_code == 406
    assert answer.json()["error_type"] == "not_acceptable"
    assert all(kind in answer.json()["error"] for kind in FORMATS)


@pytest.mark.parametrize(
    ("coding", "gets", "unpack"),
    [
        ("gzip", "gzip", gzip.decompress),
        ("zstd", "zstd", lambda body: zstandard.ZstdDecompressor().decompress(body)),
        (
            "gzip;q=0.5, zstd;q=0.9",
            "zstd",
            lambda body: zstandard.ZstdDecompressor().decompress(body),
        ),
    ],
)
def test_long_json_is_compressed_for_those_who_ask(
    shipped_server: Server, coding: str, gets: str, unpack: Any
) -> None:
    url = f"{shipped_server.url}/states"
    plain = ask(shipped_server, inputs=LONG)
    headers = {"accept-encoding": coding}
    with httpx.stream("POST", url, json={"inputs": LONG}, headers=headers) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == gets
    assert len(body) < 0.5 * len(plain.content)
    assert unpack(body) == plain.content
    assert int(answer.headers["content-length"]) == len(body)


@pytest.mark.parametrize(
    ("accept", "coding", "text"),
    [
        ("*/*", "identity", LONG),
        ("*/*", "br", LONG),
        ("*/*", "gzip;q=0, zstd;q=0", LONG),
        (NPZ, "gzip, zstd", LONG),
        (SAFETENSORS, "gzip, zstd", LONG),
    ],
)
def test_what_is_not_worth_it_or_not_wanted_is_not_compressed(
    shipped_server: Server, accept: str, coding: str, text: str
) -> None:
    answer = ask(shipped_server, accept, coding, inputs=text, tensors=["cell"], units=["0:20"])
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers


def test_a_short_answer_is_not_compressed(server: Server) -> None:
    answer = ask(server, coding="gzip, zstd", inputs="a", tensors=["cell"])
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("accept", list(FORMATS))
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"summaries": True, "step_scores": True, "return_state": True},
        {"tensors": ["cell"], "units": ["0:16"]},
        {"tensors": []},
        {"tensors": ["cell"], "steps": "-9:", "contributions": True},
    ],
)
def test_the_predicted_size_is_close_to_the_real_one(
    shipped_server: Server,
    narrow_server: Server,
    accept: str,
    more: dict[str, Any],
) -> None:
    refused = ask(narrow_server, accept, inputs=LONG, **more).json()["error"]
    [size] = re.findall(r"about ([0-9,]+) bytes", refused)
    real = len(ask(shipped_server, accept, inputs=LONG, **more).content)
    assert 0.6 < real / int(size.replace(",", "")) < 1.1


@pytest.fixture(scope="module")
def narrow_server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Serve the shipped model, where no answer is small enough."""
    log = tmp_path_factory.mktemp("logs") / "server.log"
    with serving(SHIPPED, log, "--max-response-bytes", "1") as running:
        yield running


PIECES = ["So dull! And far ", "too long...", "", " 😴 (I don't recommend", " it.)"]


def test_a_text_in_pieces_is_read_as_a_whole(
    server: Server, trained: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Each piece goes to another replica than the one before it."""
    body = {"step_scores": True, "return_state": True}
    [whole] = results(server, inputs="".join(PIECES), **body)
    log = tmp_path_factory.mktemp("logs") / "server.log"
    parts: list[dict[str, Any]] = []
    with serving(trained, log) as replica:
        for number, piece in enumerate(PIECES):
            before = {"state": parts[-1]["state"]} if parts else {}
            [part] = results([server, replica][number % 2], inputs=piece, **body, **before)
            parts.append(part)
    assert [token for part in parts for token in part["tokens"]] == whole["tokens"]
    for name in TENSORS:
        joined = np.concatenate(
            [np.array(part["layers"][0][name]).reshape(-1, 8) for part in parts]
        )
        np.testing.assert_allclose(joined, whole["layers"][0][name], atol=1e-6, err_msg=name)
    scores = [step for part in parts for step in part["step_scores"]]
    np.testing.assert_allclose(scores, whole["step_scores"], atol=1e-6)
    for one, other in zip(parts[-1]["prediction"], whole["prediction"], strict=True):
        assert one["label"] == other["label"]
        assert abs(one["score"] - other["score"]) < 1e-6
    assert len(parts[-1]["state"]) == len(whole["state"])


def test_pieces_without_tensors_go_on_where_many_texts_ended(server: Server) -> None:
    light: dict[str, Any] = {"tensors": []}
    first = results(server, inputs=["the film", "so dull"], return_state=True, **light)
    states = [None, first[1]["state"], first[0]["state"]]
    second = results(server, inputs=["great", "and cold", "was great"], state=states, **light)
    whole = results(server, inputs=["great", "so dull and cold", "the film was great"], **light)
    for one, other in zip(second, whole, strict=True):
        assert one["layers"] == [{"layer": 0, "direction": "forward"}]
        assert abs(one["prediction"][0]["score"] - other["prediction"][0]["score"]) < 1e-6


def test_a_cut_inside_a_word_makes_two_words(server: Server) -> None:
    """The contract: a piece is read as if white space stood before it."""
    [begun] = results(server, inputs="the film was won", return_state=True)
    [ended] = results(server, inputs="derful", state=begun["state"])
    [apart] = results(server, inputs="the film was won derful")
    assert begun["ids"] + ended["ids"] == apart["ids"]
    for one, other in zip(ended["prediction"], apart["prediction"], strict=True):
        assert abs(one["score"] - other["score"]) < 1e-6


def test_a_state_travels_in_the_binary_formats_too(server: Server) -> None:
    [written] = results(server, inputs="the film", return_state=True)
    for accept in (NPZ, SAFETENSORS):
        read = arrays(ask(server, accept, inputs="the film", return_state=True))
        assert read["text0.state"].tobytes().decode() == written["state"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"tensors": ["gate"]}, r"tensors\[0\] should be 'hidden', 'cell'"),
        ({"tensors": "cell"}, "tensors should be a valid list"),
        ({"layers": [1]}, r"layers\[0\] is 1, but the model's layers are 0 to 0"),
        ({"layers": []}, "layers"),
        ({"layers": [0.5]}, r"layers\[0\] should be a valid integer"),
        ({"directions": ["backward"]}, 'asks for "backward", but the model only reads "forward"'),
        ({"directions": ["up"]}, r"directions\[0\] should be 'forward' or 'backward'"),
        ({"units": [8]}, r"units\[0\] is 8, but the model's units are 0 to 7"),
        ({"units": [0, -9]}, r"units\[1\] is -9"),
        ({"units": [0, "0:1"]}, r"units\[1\] names unit 0, which is named before"),
        ({"units": [":"] * 400}, r"units\[1\] names unit 0, which is named before"),
        ({"units": [7, -1]}, r"units\[1\] names unit 7, which is named before"),
        ({"units": list(range(5000))}, "units has more than 4,096 items"),
        ({"units": [1e300]}, r"units\[0\] is 1[0-9]{59}\.\.\., but the model's units"),
        ({"units": ["0:0"] * 4096}, "selects none of the model's units"),
        ({"layers": [0, -1]}, r"layers\[1\] is -1, which is named before"),
        ({"layers": [0] * 1000}, "layers has more than 128 items"),
        ({"tensors": ["cell", "cell"]}, 'tensors should name "cell" once'),
        ({"directions": ["forward", "forward"]}, 'directions should name "forward" once'),
        ({"units": ["9:"]}, "selects none of the model's units, 0 to 7"),
        ({"units": ["a"]}, r'units\[0\] should be a range such as "0:10"'),
        ({"units": [True]}, r"units\[0\] should be the number of a unit or a range"),
        ({"units": [[0, 1]]}, r"units\[0\] should be the number of a unit or a range"),
        ({"steps": 3}, 'steps should be a range such as "0:10", "-1:" or "::5"'),
        ({"steps": "::0"}, "steps should be a range"),
        ({"steps": "::-1"}, "steps should be a range"),
        ({"steps": "1"}, "steps should be a range"),
        ({"decimals": 8}, "decimals should be less than or equal to 7"),
        ({"decimals": -1}, "decimals should be greater than or equal to 0"),
        ({"state": 3}, "state should be the state of a text, or a list"),
        ({"state": "abc"}, r"state\[0\] is cut short: it has 3 characters"),
        ({"state": "é" * 9999}, r"state\[0\] was altered. Send it back as it was received"),
        ({"state": []}, "There are 1 inputs, but 0 states"),
        ({"state": [None, None]}, "There are 1 inputs, but 2 states"),
        ({"state": [None], "truncate": True}, "truncate and state exclude each other"),
    ],
)
def test_what_cannot_be_selected_is_422(server: Server, body: dict[str, Any], says: str) -> None:
    answer = ask(server, inputs="a", **body)
    assert answer.status_code == 422
    assert re.search(says, answer.json()["error"]), answer.text


@pytest.mark.parametrize("asked", [{"return_state": True}, {"state": "x"}, {"step_scores": True}])
def test_a_model_that_reads_backward_needs_the_end(
    stacked_server: Server, asked: dict[str, Any]
) -> None:
    answer = ask(stacked_server, inputs="a", **asked)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(f"{next(iter(asked))} needs a model that only reads f")


def test_another_model_s_state_is_refused(server: Server, shipped_server: Server) -> None:
    [other] = results(shipped_server, inputs="a", tensors=[], return_state=True)
    answer = ask(server, inputs="a", state=other["state"])
    assert answer.status_code == 422
    assert "state[0] belongs to the model with the hash" in answer.json()["error"]


def test_decimals_are_refused_where_numbers_are_not_rounded(server: Server) -> None:
    answer = ask(server, NPZ, inputs="a", decimals=3)
    assert answer.status_code == 422
    assert "decimals is for JSON" in answer.json()["error"]
