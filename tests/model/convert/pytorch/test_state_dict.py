"""Files that are malformed, cut short, hostile, or of another kind."""

import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from conveyor.model.convert.pytorch.state_dict import read_state_dict
from conveyor.model.errors import ConversionError
from tests.model.convert.published import Pooled

STATE = Pooled().state_dict()


class Code:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.trace}",)


def rewrite(path: Path, change: Callable[[str, bytes], bytes], compression: int = 0) -> None:
    """Write an archive again, with other records."""
    with zipfile.ZipFile(path) as archive:
        records = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in records:
            archive.writestr(name, change(name, content))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("suffix", [".pt", ".bin"])
def test_what_was_saved_is_read(tmp_path: Path, suffix: str, zipped: bool) -> None:
    path = tmp_path / f"model{suffix}"
    torch.save(STATE, path, _use_new_zipfile_serialization=zipped)
    assert read_state_dict(path).keys() == STATE.keys()


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, zipped: bool) -> None:
    path, trace = tmp_path / "model.pt", tmp_path / "trace"
    torch.save({**STATE, "x": Code(trace)}, path, _use_new_zipfile_serialization=zipped)
    says = "asks for posix.system, which could run code, and nothing was run; .*"
    with pytest.raises(ConversionError, match=says) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert not trace.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_not_run(tmp_path: Path, protocol: int) -> None:
    path, trace = tmp_path / "model.pt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Code(trace), protocol))
    with pytest.raises(ConversionError, match=r"posix.system|not a whole file of tensors"):
        read_state_dict(path)
    assert not trace.exists()


def test_a_whole_model_is_not_loaded(tmp_path: Path) -> None:
    torch.save(Pooled(), tmp_path / "model.pt")
    says = r"asks for tests.model.convert.published.Pooled, .* torch.save\(model.state_dict\(\)"
    with pytest.raises(ConversionError, match=says):
        read_state_dict(tmp_path / "model.pt")


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_program_is_not_run(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "model.pt")
    with pytest.raises(ConversionError, match="is a TorchScript program, which is not run here"):
        read_state_dict(tmp_path / "model.pt")


def test_an_archive_that_unpacks_to_more_than_it_is_stays_packed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save(STATE, path)
    rewrite(
        path,
        lambda name, content: bytes(10**8) if name.endswith("/data/0") else content,
        zipfile.ZIP_DEFLATED,
    )
    assert path.stat().st_size < 10**6
    with pytest.raises(ConversionError, match=r"says that it unpacks to 100,\d\d\d,\d\d\d"):
        read_state_dict(path)


def test_a_record_that_says_another_size_is_not_read(tmp_path: Path) -> None:
    """Records that lie over each other would make much of little, without compression."""
    path = tmp_path / "model.pt"
    torch.save(STATE, path)
    content = path.read_bytes()
    central = content.index(b"PK\x01\x02")
    huge = struct.pack("<II", 10**9, 10**9)
    path.write_bytes(content[: central + 20] + huge + content[central + 28 :])
    with pytest.raises(ConversionError, match="says that it unpacks to 1,000,"):
        read_state_dict(path)


def test_a_storage_that_says_another_size_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": torch.arange(4.0)}, path)
    counts = struct.pack("<ci", b"J", 10**8)  # BININT, in place of BININT1
    rewrite(path, lambda _, content: content.replace(b"K\x04", counts))
    with pytest.raises(ConversionError, match="is not a whole file of tensors"):
        read_state_dict(path)


@given(
    cut=st.floats(0, 1, exclude_max=True), name=st.sampled_from(["a.pt", "old.pt", "a.safetensors"])
)
def test_a_file_that_is_cut_short(
    tmp_path_factory: pytest.TempPathFactory, cut: float, name: str
) -> None:
    path = tmp_path_factory.mktemp("cut") / name
    if name == "a.safetensors":
        safetensors.torch.save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=name == "a.pt")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(ConversionError, match=r"is not a whole |holds more than tensors"):
        read_state_dict(path)


@given(content=st.binary(max_size=200), suffix=st.sampled_from([".pt", ".safetensors"]))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("bytes") / f"model{suffix}"
    for beginning in (b"", b"PK\x03\x04", b"\x80\x02"):
        path.write_bytes(beginning + content)
        with pytest.raises(ConversionError) as caught:
            read_state_dict(path)
        assert len(str(caught.value).splitlines()) == 1


@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: float, byte: int
) -> None:
    path = tmp_path_factory.mktemp("changed") / "model.pt"
    torch.save({"a": torch.arange(4.0), "b": torch.ones(2, 2)}, path)
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] = byte
    path.write_bytes(content)
    try:
        read_state_dict(path)
    except ConversionError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - it may also be read


def sparse() -> Tensor:
    return torch.eye(3).to_sparse()


@pytest.mark.filterwarnings("ignore:.*quantize.*")
@pytest.mark.parametrize(
    ("saved", "says"),
    [
        (torch.ones(2), "holds a Tensor, not a state dict"),
        ([1, 2], "holds a list, not a state dict"),
        ({}, "it is empty"),
        ({"a": torch.ones(2), "epoch": 3}, "'epoch' in it is no tensor"),
        ({3: torch.ones(2)}, "is not a state dict of tensors by name"),
        ({"a\nb": torch.ones(2)}, "is not a state dict of tensors by name"),
        ({"net": STATE, "ema": STATE}, r"holds several state dicts \(net, ema\)"),
        ({"a": sparse()}, "a in .* is not a plain tensor"),
        ({"a": torch.ones(2, device="meta")}, "a in .* is not a plain tensor"),
        ({"a": torch.ones(1).expand(10**6)}, r"the shape \(1000000,\), which is more numbers"),
        ({"a": torch.tensor([1.0, torch.nan])}, "a in .* holds NaN or infinity"),
    ],
)
def test_what_is_no_state_dict(tmp_path: Path, saved: object, says: str) -> None:
    torch.save(saved, tmp_path / "model.pt")
    with pytest.raises(ConversionError, match=says):
        read_state_dict(tmp_path / "model.pt")


def test_the_models_own_state_dict_is_taken_from_several(tmp_path: Path) -> None:
    torch.save({"ema": {"b": torch.ones(1)}, "state_dict": STATE}, tmp_path / "model.pt")
    assert read_state_dict(tmp_path / "model.pt").keys() == STATE.keys()


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    with pytest.raises(ConversionError, match=re.escape(f"{path} cannot be read: No such file")):
        read_state_dict(path)
