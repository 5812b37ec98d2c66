"""Word vectors from a file, as the embedding to start from.

The text format of GloVe, word2vec and fastText: in each line a word and its numbers, with spaces
between them. The first line may say how many words and numbers there are.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from conveyor.model import interruption
from conveyor.model.data.rows import unreadable
from conveyor.model.errors import DataError, TrainingError
from conveyor.model.files import check_regular
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.text.tokenizer import SPECIAL_TOKENS, Tokenizer
from conveyor.model.training.settings import TrainingSettings

HEADER_FIELDS = 2
# As wide as an embedding can be, with some thirty signs a number.
MOST_NUMBERS = 65_536
LINE_BYTES = 2**21


@dataclass(frozen=True)
class WordVectors:
    """A file of word vectors of ``size`` numbers each."""

    path: Path
    size: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Open a file of vectors, of which only the first line is read now. Raises DataError."""
        try:
            check_regular(path)  # as it is read twice
        except OSError as error:
            raise unreadable(str(path), error) from None
        fields = next(_lines(path), b"").split()
        size = int(fields[1][:9]) if _is_header(fields) else len(fields) - 1
        if size > MOST_NUMBERS:
            raise DataError(f"{path}, line 1 asks for more than {MOST_NUMBERS:,} numbers a word.")
        if size < 1:
            raise DataError(f"{path}, line 1 holds no vector: it needs a word and its numbers.")
        return cls(path, size)

    @property
    def hashes(self) -> list[str]:
        """The hash of the file."""
        with self.path.open("rb") as file:
            return [hashlib.file_digest(file, "sha256").hexdigest()]

    def tokenizer(self, texts: Iterable[str], settings: TrainingSettings) -> Tokenizer:
        """Train a tokenizer of words."""
        return Tokenizer.train(texts, "word", settings.vocab_size)

    def settings(self, own: TrainingSettings) -> TrainingSettings:
        """Return the settings of a run that starts from here: the embedding's size is the file's.

        Raises TrainingError where a setting says something else.
        """
        if own.tokenizer != "word":
            raise TrainingError(
                "Word vectors need words for tokens: leave out the other tokenizer, or the vectors."
            )
        if "embedding_dim" in own.model_fields_set and own.embedding_dim != self.size:
            raise TrainingError(
                f"The vectors in {self.path} have {self.size} numbers, and the embedding dim is "
                f"{own.embedding_dim}: leave that setting out, it is taken from there."
            )
        return own.model_copy(update={"embedding_dim": self.size})

    def load_into(self, network: LSTMClassifier, tokenizer: Tokenizer) -> str:
        """Give the words of the vocabulary their vectors, and say how many of them have one.

        The others stay random, as large as the vectors are: with their standard deviation.

        Raises DataError.
        """
        words = {
            word.encode(): index
            for word, index in tokenizer.vocabulary.items()
            if word not in SPECIAL_TOKENS
        }
        found = self._find(words)
        if not found:
            raise DataError(
                f"{self.path} has none of the {len(words):,} words of the vocabulary: give vectors "
                "for the language of the texts, in small letters."
            )
        vectors = torch.from_numpy(np.stack(list(found.values())))
        with torch.no_grad():
            weight = network.embedding.weight
            weight.mul_(vectors.std(correction=0))
            weight[list(found)] = vectors
        return f"{len(found) / len(words):.1%} of them with vectors"

    def _find(self, words: Mapping[bytes, int]) -> dict[int, NDArray[np.float32]]:
        """Find the vectors of these words, by their ids; the first one where a word comes twice."""
        found: dict[int, NDArray[np.float32]] = {}
        for number, line in enumerate(_lines(self.path), 1):
            if number == 1 and _is_header(line.split()):
                continue
            # From the right, as some words of GloVe's have spaces in them: ". . ."
            word, *numbers = line.rsplit(maxsplit=self.size) or [b""]
            if len(numbers) != self.size or _ends_in_number(word):
                raise self._broken(number)
            index = words.get(word)
            if index is not None and index not in found:
                found[index] = self._parsed(numbers, number)
        return found

    def _parsed(self, numbers: list[bytes], line: int) -> NDArray[np.float32]:
        try:
            vector = np.array([float(number) for number in numbers], np.float32)
        except ValueError:
            raise self._broken(line) from None
        if not np.isfinite(vector).all():
            raise self._broken(line)
        return vector

    def _broken(self, line: int) -> DataError:
        return DataError(
            f"{self.path}, line {line} is not a word and {self.size} finite numbers, as the first "
            "line says that all are."
        )


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines as bytes: in a large file, some words are often no UTF-8."""
    number = 0
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES + 1):
                number += 1
                interruption.check()
                if len(line) > LINE_BYTES:
                    raise DataError(
                        f"{path}, line {number} has more than {LINE_BYTES:,} bytes, which is more "
                        f"than a word and {MOST_NUMBERS:,} numbers."
                    )
                yield line
    except OSError as error:
        raise unreadable(str(path), error) from None


def _is_header(fields: list[bytes]) -> bool:
    """Tell if these are the numbers of words and of numbers."""
    return len(fields) == HEADER_FIELDS and all(field.isdigit() for field in fields)


def _ends_in_number(word: bytes) -> bool:
    """Tell if what stands before the numbers is more than a word: another number."""
    *before, last = word.split() or [b""]
    try:
        float(last)
    except ValueError:
        return False
    return bool(before)
