"""Damaged files are refused, or give the same answers: never others, and never a traceback."""

import errno
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from conveyor import SHIPPED
from conveyor.model.artifact import language_model, model_files, storage
from conveyor.model.artifact.info import info
from conveyor.model.artifact.manifest import MANIFEST, manifest, read_manifest
from conveyor.model.errors import ArtifactError
from conveyor.model.files import write_atomically
from conveyor.model.verification.check import check
from tests.conftest import random_classifier, reviews

TEXTS = [example.text for example in reviews(10)]
SEALED = ("config.json", "model.safetensors", "tokenizer.json", "golden.json", MANIFEST)
MUTATIONS = 400
BLOCK = 4096


def mutations(content: bytes, count: int) -> Iterator[bytes]:
    """Flipped bits, zeroed blocks, and beginnings of a file, each time the same."""
    chance = random.Random(0)
    for number in range(count):
        broken = bytearray(content)
        place = chance.randrange(len(content))
        match number % 4:
            case 0 | 1:
                broken[place] ^= 1 << chance.randrange(8)
            case 2:
                end = min(len(broken), place + BLOCK)
                broken[place:end] = bytes(end - place)
            case _:
                del broken[place:]
        yield bytes(broken)


def answers(directory: Path) -> bytes:
    """All scores."""
    classifier = storage.load(directory).classifier
    return classifier.predict(classifier.encode(TEXTS)).tobytes()


@pytest.fixture
def directory(stacked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(stacked, tmp_path / "m"))


@pytest.mark.parametrize("name", SEALED)
def test_a_damaged_file_is_refused_or_changes_nothing(directory: Path, name: str) -> None:
    before, content, refused = answers(directory), (directory / name).read_bytes(), 0
    for broken in mutations(content, MUTATIONS):
        (directory / name).write_bytes(broken)
        try:
            assert answers(directory) == before
        except ArtifactError as error:
            refused += str(error).count("\n") == 0
    assert refused > 0.9 * MUTATIONS


@pytest.mark.parametrize("name", SEALED[:-1])
def test_without_a_manifest_a_damaged_file_has_no_traceback(directory: Path, name: str) -> None:
    (directory / MANIFEST).unlink()
    content = (directory / name).read_bytes()
    for broken in mutations(content, 48):
        (directory / name).write_bytes(broken)
        try:
            answers(directory)
        except ArtifactError:
            continue


def test_a_damaged_language_model_is_refused(tmp_path: Path) -> None:
    directory = Path(shutil.copytree(SHIPPED.parent / "imdb-language", tmp_path / "m"))
    for name in ("pretrained.json", "model.safetensors", "tokenizer.json", MANIFEST):
        content = (directory / name).read_bytes()
        [broken, *_] = mutations(content, 1)
        (directory / name).write_bytes(broken)
        with pytest.raises(ArtifactError, match=rf"{name} is not|SHA256SUMS is not"):
            language_model.load(directory)
        (directory / name).write_bytes(content)


@pytest.mark.parametrize("model", ["imdb-sentiment", "imdb-language", "chinese-sentiment"])
def test_what_is_shipped_is_as_it_was_written(model: str) -> None:
    directory = SHIPPED.parent / model
    assert info(directory).sealed
    # Other tools read it too.
    subprocess.run(["sha256sum", "--check", "--strict", MANIFEST], cwd=directory, check=True)


def test_all_of_the_files_are_in_it(directory: Path) -> None:
    sums = read_manifest((directory / MANIFEST).read_bytes())
    assert set(sums) == {*SEALED} - {MANIFEST}
    for name in sums:
        lacking = {other: (directory / other).read_bytes() for other in sums if other != name}
        (directory / MANIFEST).write_bytes(manifest(lacking))
        with pytest.raises(ArtifactError, match=f"{name} is not as it was written"):
            storage.load(directory)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"0123  config.json\n",
        b"g" * 64 + b"  config.json\n",
        b"0" * 64 + b"  ../a\n",
        b"%s  a\n%s  a\n" % (b"0" * 64, b"1" * 64),  # which of the two?
    ],
)
def test_what_is_no_manifest_is_refused(directory: Path, content: bytes) -> None:
    (directory / MANIFEST).write_bytes(content)
    with pytest.raises(ArtifactError, match=r"SHA256SUMS is not valid"):
        storage.load(directory)


def test_it_may_have_been_written_elsewhere(directory: Path) -> None:
    before, path = answers(directory), directory / MANIFEST
    lines = [line.split() for line in path.read_text().splitlines()]
    other = [f"{hashed.upper()} *{name}\r\n" for hashed, name in [*lines, lines[0]]]
    path.write_bytes("".join([*other, f"{'0' * 64}  other.bin"]).encode())
    assert answers(directory) == before


def test_without_one_it_loads_and_says_so(
    directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = answers(directory)
    assert not caplog.messages
    (directory / MANIFEST).unlink()
    assert answers(directory) == before
    assert caplog.messages == [f"{directory} has no SHA256SUMS: nothing shows that it is whole"]
    assert not info(directory).sealed
    [files] = [finding for finding in check(directory) if finding.check == "files"]
    assert files.outcome == "ok"
    assert files.message.endswith("no SHA256SUMS, so nothing shows that they are whole")


def test_a_file_that_is_changed_on_purpose_gets_a_new_manifest(directory: Path) -> None:
    config = directory / "config.json"
    config.write_text(config.read_text().replace('"praise"', '"good"'))
    with pytest.raises(ArtifactError, match=r"copy the model again, or, if somebody has changed"):
        storage.load(directory)
    command = "sha256sum config.json model.safetensors tokenizer.json golden.json > SHA256SUMS"
    subprocess.run(command, cwd=directory, check=True, shell=True)
    assert storage.load(directory).classifier.config.labels[-1] == "good"


def test_half_a_model_is_refused_be_it_over_another_one(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The power fails after each of the files."""
    write, before = write_atomically, answers(directory)
    old = {path.name: path.read_bytes() for path in directory.iterdir()}
    new = random_classifier(1, num_layers=1)
    for written in range(len(old)):
        left = iter(range(written))

        def failing(path: Path, content: bytes, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(path, content)

        monkeypatch.setattr(model_files, "write_atomically", failing)
        with pytest.raises(OSError, match="No space"):
            storage.save(directory, new, golden_text="film", card="# new\n")
        if written:
            with pytest.raises(ArtifactError, match="is not as it was written"):
                storage.load(directory)
        else:
            assert answers(directory) == before
    monkeypatch.setattr(model_files, "write_atomically", write)
    storage.save(directory, new, golden_text="film", card="# new\n")
    found = np.frombuffer(answers(directory), np.float32)
    np.testing.assert_array_equal(found, new.predict(new.encode(TEXTS)).ravel())
