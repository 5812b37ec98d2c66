from pathlib import Path

import pytest

from conveyor.model.convert import files
from conveyor.model.convert.source import Hints
from conveyor.model.errors import ConversionError


def test_a_file_of_another_type_is_refused_with_all_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "model.pickle"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(ConversionError) as caught:
        files.read(path, Hints())
    assert str(caught.value) == (
        f"Unsupported file type: {path}; use .safetensors, .pt, .pth, .bin, .ckpt, .keras, .h5, "
        ".hdf5, .onnx."
    )


@pytest.mark.parametrize("name", ["model.keras", "model.H5", "model.hdf5", "model.onnx"])
@pytest.mark.parametrize("hints", [Hints(key_map={"head": "fc"}), Hints(parts=("last",))])
def test_hints_for_a_file_that_needs_none_are_refused(
    tmp_path: Path, name: str, hints: Hints
) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(ConversionError, match="leave out --key-map and --pooling"):
        files.read(path, hints)


def test_a_directory_without_weights_is_told_the_names_that_they_have(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"has none of model.safetensors, .*model.onnx: give"):
        files.find(tmp_path)
    (tmp_path / "model.onnx").touch()
    assert files.find(tmp_path) == tmp_path / "model.onnx"
