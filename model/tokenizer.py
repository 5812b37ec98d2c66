"""Text to token ids, with the place of every token in the text.

Two kinds, both trained from the user's texts: ``word`` (one token a word; in scripts written
without spaces, one a character; what the training texts did not show twice is unknown) and ``bpe``
(byte-pair encoding over UTF-8 bytes: nothing is ever unknown). Both fold case, and neither makes a
token of white space.
"""

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

TokenizerKind = Literal["word", "bpe"]

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

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Encoding:
    """A text as the model reads it: ids, and for each its (start, end) in characters, if wanted."""

    ids: list[int]
    offsets: list[tuple[int, int]]

    def __len__(self) -> int:
        return len(self.ids)

    def last(self, count: int) -> "Encoding":
        """The encoding of the text's last ``count`` tokens; their offsets stay where they were."""
        if len(self) <= count:
            return self
        return Encoding(self.ids[-count:], self.offsets[-count:])

    def shifted(self, by: int) -> "Encoding":
        """The encoding with its offsets in a text that has ``by`` more characters before it."""
        if by == 0:
            return self
        return Encoding(self.ids, [(start + by, end + by) for start, end in self.offsets])


class Tokenizer:
    """A trained tokenizer: total, that is, any ``str`` at all encodes without an error."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self._tokenizer = tokenizer
        # Else a user's text "[PAD]" would become the padding token instead of three symbols.
        self._tokenizer.encode_special_tokens = True

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
        """The tokenizer in the format of the ``tokenizers`` library."""
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

    def vocabulary_sample(self, count: int) -> list[str]:
        """At most ``count`` entries from all over the vocabulary, special ones left out."""
        vocabulary = self.vocabulary
        entries = sorted(vocabulary.keys() - SPECIAL_TOKENS, key=vocabulary.__getitem__)
        return entries[:: max(1, len(entries) // count)][:count]

    def add_token(self, name: str) -> int:
        """Add an entry that no text has, and return its id, the next one."""
        self._tokenizer.add_special_tokens([name])
        return self.vocabulary[name]

    def drop_limits(self) -> bool:
        """Switch off truncation and padding, which are the model's to decide; whether it had any.

        Only tokenizers from elsewhere have them.
        """
        had = bool(self._tokenizer.truncation or self._tokenizer.padding)
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        return had

    def encode(self, texts: Sequence[str], *, offsets: bool = True) -> list[Encoding]:
        """Encode each text; lone surrogates, which are not Unicode, count as U+FFFD.

        Without offsets, which predictions do not need, it takes a fifth less time.
        """
        valid = [_valid(text) for text in texts]
        if not offsets:
            return [Encoding(e.ids, []) for e in self._tokenizer.encode_batch_fast(valid)]
        encodings = self._tokenizer.encode_batch(valid)
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
    """The offsets, each token with the characters that NFC has melted into its last one.

    The library counts "e" and a combining accent as the "e" alone. A token without any character is
    none of the text's (a tokenizer from elsewhere may begin and end texts with its own), and stays.
    """
    if unicodedata.is_normalized("NFC", text):
        return offsets
    whole = []
    starts = [start for start, _ in offsets[1:]] + [len(text)]
    for (start, end), following in zip(offsets, starts, strict=True):
        melted = end
        while start < end <= melted < following and not text[melted].isspace():
            melted += 1
        whole.append((start, melted))
    return whole


def _normalizer() -> normalizers.Normalizer:
    # NFC, not NFKC: compatibility forms can blow a text up eighteenfold (U+FDFA).
    return normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])


def _train_word(texts: Iterable[str], vocab_size: int) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer(models.WordLevel(unk_token=SPECIAL_TOKENS[UNK_ID]))
    tokenizer.normalizer = _normalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(_TOKEN), behavior="isolated"),
        ]
    )
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
    # The prefix space marks the pieces that begin a word. It has no place in the text: nothing is
    # to be trimmed from the offsets.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=True)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_FREQUENCY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
