"""Text to token ids, with the place of every token in the text.

Two kinds, both trained from the user's texts: ``word`` (one token a word; in scripts written
without spaces, one a character; what the training texts did not show twice is unknown) and ``bpe``
(byte-pair encoding over UTF-8 bytes: nothing is ever unknown). Both fold case, and neither makes a
token of white space or of what nobody sees (a soft hyphen, a zero-width space, a bidi mark).
"""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import tokenizers
from more_itertools import chunked
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from conveyor.model import interruption
from conveyor.model.types import TokenizerKind

# The first entries of every vocabulary that is trained here, in this order.
SPECIAL_TOKENS = ("[PAD]", "[UNK]")
PAD_ID, UNK_ID = 0, 1

# What occurs once in the training texts teaches nothing, and shows what an unknown token is like.
MIN_FREQUENCY = 2

# Scripts that put no spaces between words: there, a character is the nearest thing to a word.
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[\p{{L}}\p{{M}}&&[^{_SPACELESS}]]"
_LETTER_OR_DIGIT = rf"[\p{{L}}\p{{M}}\p{{N}}_&&[^{_SPACELESS}]]"
# A run of letters, marks and digits, with apostrophes inside: "don't" is one word. All in one
# expression: three, one after the other, take twice as long to find the same tokens.
_TOKEN = (
    rf"[{_SPACELESS}]"
    rf"|{_LETTER_OR_DIGIT}+(?:['’]{_LETTER}+)*"
    r"|[^\p{L}\p{M}\p{N}_'’]"
)

# Texts that the library encodes at once, on all cores.
ENCODED = 256

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# What has no glyph of its own, first and last: Default_Ignorable_Code_Point of Unicode 16's
# DerivedCoreProperties.txt. Among letters it would make an unknown word of a known one.
_INVISIBLE_RANGES = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_INVISIBLE = "".join(chr(c) for first, last in _INVISIBLE_RANGES for c in range(first, last + 1))
_INVISIBLE_CLASS = "".join(f"{chr(first)}-{chr(last)}" for first, last in _INVISIBLE_RANGES)
_ANY_INVISIBLE = re.compile(f"[{_INVISIBLE_CLASS}]")
_REMOVED = r"\p{Default_Ignorable_Code_Point}+"

# White_Space, as WhitespaceSplit has it; Python's own has four control characters more.
_WHITE = "\t\n\v\f\r \u0085\u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B)))
_WHITE += "\u2028\u2029\u202f\u205f\u3000"

# Where a text can be cut without another token on either side: before white space, and where words
# are told from symbols and from characters of scripts without spaces, before many of these.
_BEFORE_WHITE = re.compile(f"[{_WHITE}]")
_BEFORE_SYMBOL = re.compile(
    rf"[{_WHITE}!-&(-/:-@\[-^`{{-~\u3001\u3002\u4e00-\u9fff\U0001f300-\U0001faff]"
)
# Where a word is cut by rule, it can be cut anywhere with no more than the first token behind being
# another, but before what may belong to an apostrophe.
_BEFORE_CHARACTER = re.compile(f"[^'’{_INVISIBLE_CLASS}]")


@dataclass(frozen=True)
class Encoding:
    """A text as the model reads it: ids, and for each its (start, end) in characters, if wanted."""

    ids: list[int]
    offsets: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)

    def last(self, count: int) -> "Encoding":
        """Return the last ``count`` tokens of the text; their offsets stay where they were."""
        if len(self) <= count:
            return self
        return Encoding(self.ids[-count:], self.offsets[-count:])

    def shifted(self, by: int) -> "Encoding":
        """Return the encoding in a text that has ``by`` more characters before it."""
        if by == 0:
            return self
        return Encoding(self.ids, [(start + by, end + by) for start, end in self.offsets])


class Tokenizer:
    """A trained tokenizer: total, that is, any ``str`` at all encodes without an error."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Else a user's text "[PAD]" would become the padding token instead of three symbols.
        self._tokenizer.encode_special_tokens = True
        cut = tokenizer.pre_tokenizer.__getstate__() if tokenizer.pre_tokenizer else None
        cuts = {_words().__getstate__(): _BEFORE_SYMBOL, _bytes().__getstate__(): _BEFORE_WHITE}
        self.boundary: re.Pattern[str] | None = cuts.get(cut)
        """Matches where a text can be cut; None in tokenizers from elsewhere: nobody knows."""
        self.restart = _BEFORE_CHARACTER if self.boundary is _BEFORE_SYMBOL else self.boundary
        """Matches where it can be cut if the first token behind is not needed; None as above."""
        ignores = tokenizer.normalizer and tokenizer.normalizer.normalize_str("\u200b") == ""
        self.blank = _WHITE + _INVISIBLE if ignores else _WHITE
        """The characters of which no token is made, in tokenizers that are trained here."""
        self.blanks = re.compile(f"[{_WHITE}{_INVISIBLE_CLASS if ignores else ''}]*")
        """Matches any number of these."""

    @classmethod
    def train(cls, texts: Iterable[str], kind: TokenizerKind, vocab_size: int) -> Self:
        """Learn a vocabulary of at most ``vocab_size`` entries, two special ones included."""
        train = _train_word if kind == "word" else _train_bpe
        return cls(train(map(_valid, texts), vocab_size))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Restore a tokenizer from `to_json`; ValueError says what is wrong with the text."""
        try:
            return cls(tokenizers.Tokenizer.from_str(text))
        except Exception as error:  # noqa: BLE001 - the library raises Exception itself
            raise ValueError(str(error)) from None

    def to_json(self) -> str:
        """Return the tokenizer in the format of the ``tokenizers`` library."""
        return self._tokenizer.to_str(pretty=True)

    @property
    def vocab_size(self) -> int:
        """The number of ids."""
        return self._tokenizer.get_vocab_size()

    @property
    def ids(self) -> list[int]:
        """The ids of all entries, in order."""
        return sorted(self._tokenizer.get_vocab().values())

    @property
    def unk_id(self) -> int | None:
        """The id that stands for what is not in the vocabulary; None where nothing is unknown."""
        if isinstance(self._tokenizer.model, models.Unigram):  # which tells only its file
            number: int | None = json.loads(self.to_json())["model"]["unk_id"]
            return number
        unknown = getattr(self._tokenizer.model, "unk_token", None)
        return self._tokenizer.token_to_id(unknown) if unknown is not None else None

    @property
    def vocabulary(self) -> dict[str, int]:
        """All entries, special ones too, and their ids."""
        return self._tokenizer.get_vocab()

    @property
    def entries(self) -> list[str]:
        """All entries but the special ones, in the order of their ids."""
        vocabulary = self.vocabulary
        return sorted(vocabulary.keys() - SPECIAL_TOKENS, key=vocabulary.__getitem__)

    def vocabulary_sample(self, count: int) -> list[str]:
        """Return at most ``count`` entries from all over the vocabulary, no special ones."""
        entries = self.entries
        return entries[:: max(1, len(entries) // count)][:count]

    def add_token(self, name: str) -> int:
        """Add an entry that no text has, and return its id, the next one."""
        self._tokenizer.add_special_tokens([name])
        return self.vocabulary[name]

    def extended(self, words: Iterable[str]) -> Self:
        """Return a tokenizer of words that knows these as well, under the next ids.

        Of other kinds, to which no word is unknown, the tokenizer as it is.
        """
        known = self.vocabulary
        new = [word for word in words if word not in known]
        if not new or not isinstance(self._tokenizer.model, models.WordLevel):
            return self
        content = json.loads(self.to_json())
        content["model"]["vocab"].update({w: i for i, w in enumerate(new, self.vocab_size)})
        return self.from_json(json.dumps(content))

    @property
    def limits(self) -> list[str]:
        """The bounds on a text's length that it brings: truncation, padding."""
        return [n for n in ("truncation", "padding") if getattr(self._tokenizer, n) is not None]

    def drop_limits(self) -> bool:
        """Switch off truncation and padding, which the model decides; tell whether it had any.

        Only tokenizers from elsewhere have them.
        """
        had = bool(self.limits)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        return had

    def encode_each(self, texts: Iterable[str]) -> Iterator[Encoding]:
        """Encode texts without offsets, some at a time, as they are asked for.

        The library's own results are several times as large as what is kept. Raises Interrupted.
        """
        for some in interruption.watched(chunked(texts, ENCODED)):
            yield from self.encode(some, offsets=False)

    def encode(self, texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        """Encode each text; lone surrogates, which are not Unicode, count as U+FFFD.

        Without offsets, which predictions do not need, it takes a fifth less time.
        """
        valid = [_valid(text) for text in texts]
        run = self._tokenizer.encode_batch if offsets else self._tokenizer.encode_batch_fast
        try:
            encodings = run(valid)
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            # The library's own faults are no exceptions to Python, and would end the thread.
            raise RuntimeError(f"The tokenizer failed: {error}") from None
        if not offsets:
            return [Encoding(encoding.ids, []) for encoding in encodings]
        return [
            Encoding(encoding.ids, _whole(encoding.offsets, text))
            for encoding, text in zip(encodings, texts, strict=True)
        ]


def use_one_thread() -> None:
    """Let the whole process tokenize on the thread that asks for it, without helpers.

    The library reads this variable at each call.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"


def _valid(text: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", text)


def _whole(offsets: list[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Return the offsets, each token with the characters that NFC has melted into its last one.

    The library counts "e" and a combining accent as the "e" alone. A token without any character is
    none of the text's (a tokenizer from elsewhere may begin and end texts with its own), and stays.
    """
    if unicodedata.is_normalized("NFC", text) and not _ANY_INVISIBLE.search(text):
        return offsets
    whole = []
    ends = [start for start, _ in offsets[1:]] + [len(text)]
    for (start, end), following in zip(offsets, ends[: len(offsets)], strict=True):
        melted = end
        while start < end <= melted < following and not text[melted].isspace():
            melted += 1
        while melted > end and _ANY_INVISIBLE.match(text[melted - 1]):
            melted -= 1
        whole.append((start, melted))
    return whole


def _normalizer() -> normalizers.Normalizer:
    # NFC, not NFKC: compatibility forms can blow a text up eighteenfold (U+FDFA).
    invisible = normalizers.Replace(Regex(_REMOVED), "")
    return normalizers.Sequence([invisible, normalizers.NFC(), normalizers.Lowercase()])


def _words() -> pre_tokenizers.PreTokenizer:
    cut = pre_tokenizers.Split(Regex(_TOKEN), behavior="isolated")
    return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), cut])


def _bytes() -> pre_tokenizers.PreTokenizer:
    # The prefix space marks the pieces that begin a word. It has no place in the text: nothing is
    # to be trimmed from the offsets.
    marked = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), marked])


def _train_word(texts: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = _words()
    trainer = trainers.WordLevelTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _train_bpe(texts: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = _bytes()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
