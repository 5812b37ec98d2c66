"""The tokenizer of a converted model: from tokenizer.json, or from a vocabulary and its rules."""

from dataclasses import dataclass, field
from pathlib import Path

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from conveyor.model.convert.json_file import read_json, read_text
from conveyor.model.errors import ConversionError
from conveyor.model.text.smoke_test import panics_as_errors
from conveyor.model.text.tokenizer import Tokenizer
from conveyor.model.types import Split

PADDINGS = ("[PAD]", "<pad>", "<PAD>", "[pad]", "<|pad|>", "<blank>", "")
UNKNOWNS = ("[UNK]", "<unk>", "<UNK>", "[unk]", "<oov>", "<OOV>", "[OOV]")
ADDED_PADDING = "[PAD]"
# Any text must encode: nothing, what no vocabulary has, what no language has.
PROBES = ("", "\ue000 \U0010fffe", "a \u0301\0 \ufffd")

_WORD = r"\w+|[^\w\s]"
# What torchtext's get_tokenizer("basic_english") does to lower-case text before it splits.
_BASIC_ENGLISH = (
    ("'", " '  "),
    ('"', ""),
    (".", " . "),
    ("<br />", " "),
    (",", " , "),
    ("(", " ( "),
    (")", " ) "),
    ("!", " ! "),
    ("?", " ? "),
    (";", " "),
    (":", " "),
)
# What Keras' TextVectorization strips: the punctuation of ASCII, the apostrophe with it.
_KERAS_STRIPS = r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']"""


@dataclass(frozen=True)
class Rules:
    """The rules that cut texts into the entries of a vocabulary.

    ``unknown`` is the entry for all that the vocabulary does not have.
    """

    split: Split
    lowercase: bool = False
    unknown: str | None = None


@dataclass(frozen=True)
class Tokens:
    """A tokenizer whose ids are 0 to its size - 1, and the two ids that a model must know.

    Where it had no token for padding, its last one is added for that.
    """

    tokenizer: Tokenizer
    pad_token_id: int
    unk_token_id: int
    added_padding: bool = False
    notes: list[str] = field(default_factory=list)


def read_tokenizer(path: Path) -> Tokenizer:
    """Read the tokenizer of a tokenizer.json. Raises ConversionError."""
    try:
        with panics_as_errors():
            return Tokenizer.from_json(read_text(path))
    except ValueError as error:
        raise ConversionError(
            f"{path} is not a tokenizer.json, as the tokenizers library writes it: {error}."
        ) from None


def read_vocabulary(path: Path) -> dict[str, int]:
    """Read a vocabulary: a file of one entry a line, a JSON list, or a JSON object {entry: id}.

    Raises ConversionError.
    """
    if path.suffix != ".json":
        lines = read_text(path).split("\n")
        if not lines[-1]:  # the end of the last line
            del lines[-1]
        return _numbered([line.removesuffix("\r") for line in lines], path)
    found = read_json(path)
    if isinstance(found, list) and all(isinstance(entry, str) for entry in found):
        return _numbered(found, path)
    if isinstance(found, dict) and all(type(number) is int for number in found.values()):
        return found
    raise ConversionError(f"{path} is neither a list of entries nor an object from entry to id.")


def word_tokenizer(vocabulary: dict[str, int], rules: Rules, rows: int) -> Tokenizer:
    """Make a tokenizer that looks up each piece of a text in a vocabulary.

    Ids between the others that no entry has get one that no text can have. Raises ConversionError,
    also where an id has none of the embedding's ``rows``.
    """
    _check_ids(vocabulary, rows)
    unknown = rules.unknown or next((name for name in UNKNOWNS if name in vocabulary), None)
    if unknown not in vocabulary:
        raise ConversionError(
            "The vocabulary has "
            + (f"no entry {unknown!r}" if unknown else f"none of {', '.join(UNKNOWNS)}")
            + ": say with --unknown which entry stands for what it does not have; a model that "
            "drops unknown words cannot be represented."
        )
    tokenizer = tokenizers.Tokenizer(models.WordLevel(_without_gaps(vocabulary), unk_token=unknown))
    normalizer, tokenizer.pre_tokenizer = _pieces(rules)
    if normalizer:
        tokenizer.normalizer = normalizer
    return Tokenizer(tokenizer)


def prepare(tokenizer: Tokenizer, padding: str | None = None) -> Tokens:
    """Prepare a tokenizer to be served with a model.

    Its own truncation and padding are left out, and it gets a padding token if it has none. Raises
    ConversionError if it cannot be served.
    """
    if tokenizer.ids != list(range(tokenizer.vocab_size)):
        raise ConversionError(
            f"The tokenizer's {len(tokenizer.ids)} ids are not 0 to {tokenizer.vocab_size - 1}, "
            "each once: give one without gaps."
        )
    _check_total(tokenizer)
    notes = []
    if tokenizer.drop_limits():
        notes.append(
            "The tokenizer's own truncation and padding are left out: a text is read whole or, if "
            "the caller allows it, only its last --max-tokens are."
        )
    if added := len(tokenizer.encode([""])[0]):
        notes.append(
            f"The tokenizer puts {added} tokens of its own around every text, as its file says, "
            "and around each piece of a text that is sent in pieces."
        )
    vocabulary = tokenizer.vocabulary
    if padding is not None and padding not in vocabulary:
        raise ConversionError(f"The tokenizer has no {padding!r}, which --padding says.")
    names = PADDINGS if padding is None else (padding,)
    pad = next((vocabulary[name] for name in names if name in vocabulary), None)
    added_padding = pad is None
    if pad is None:
        pad = tokenizer.add_token(ADDED_PADDING)
        notes.append(
            f"The tokenizer has no token for padding, so {ADDED_PADDING} was added, with zeros for "
            "its embedding; padding never changes an answer."
        )
    unknown = tokenizer.unk_id
    if unknown is None:  # nothing is unknown, but an artifact names a token for it all the same
        unknown = next((vocabulary[name] for name in UNKNOWNS if name in vocabulary), pad)
    return Tokens(tokenizer, pad, unknown, added_padding=added_padding, notes=notes)


def _numbered(entries: list[str], path: Path) -> dict[str, int]:
    """Number the entries from 0 on."""
    numbers: dict[str, int] = {}
    for number, entry in enumerate(entries):
        if entry in numbers:
            raise ConversionError(
                f"{path} has {entry!r} twice, as entries {numbers[entry] + 1} and {number + 1}: "
                "each place is an id, so each entry must have one."
            )
        numbers[entry] = number
    return numbers


def _check_ids(vocabulary: dict[str, int], rows: int) -> None:
    numbers = set(vocabulary.values())
    if len(numbers) < len(vocabulary) or not vocabulary:
        raise ConversionError("The vocabulary must give each of its entries an id of its own.")
    for entry, number in vocabulary.items():
        if not 0 <= number < rows:
            raise ConversionError(
                f"The vocabulary gives {entry!r} the id {number}, but the embedding has the rows 0 "
                f"to {rows - 1}: they belong to different models."
            )


def _without_gaps(vocabulary: dict[str, int]) -> dict[str, int]:
    """Add an entry that has a space in it for every id that a vocabulary leaves out."""
    numbers = set(vocabulary.values())
    missing = set(range(max(numbers))) - numbers
    return vocabulary | {f"[unused {number}]": number for number in missing}


def _pieces(rules: Rules) -> tuple[Normalizer | None, PreTokenizer]:
    """Return the normalizer and the pre-tokenizer that follow rules."""
    steps: list[Normalizer] = []
    if rules.lowercase or rules.split in {"basic-english", "keras"}:
        steps.append(normalizers.Lowercase())
    if rules.split == "basic-english":
        steps += [normalizers.Replace(old, new) for old, new in _BASIC_ENGLISH]
    if rules.split == "keras":
        steps.append(normalizers.Replace(Regex(_KERAS_STRIPS), ""))
    cuts: dict[Split, PreTokenizer] = {
        "word": pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True),
        "character": pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated"),
    }
    cut = cuts.get(rules.split, pre_tokenizers.WhitespaceSplit())
    return (normalizers.Sequence(steps) if steps else None), cut


def _check_total(tokenizer: Tokenizer) -> None:
    try:
        tokenizer.encode(PROBES)
    except Exception as error:  # noqa: BLE001 - the tokenizers library raises Exception itself
        raise ConversionError(
            f"The tokenizer cannot encode every text ({error}): it needs a token for what is "
            "unknown."
        ) from None
