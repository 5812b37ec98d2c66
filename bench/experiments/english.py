"""Make what the shipped English model learns from beside reviews, of the data sets in DIR.

`python bench/experiments/english.py --data DIR --out FOLDER` writes seven files there:

- sentences.tsv: the phrases and sentences of SST-2, as they are published, with their tokens apart
  ("is n't it ?"), and as people write them ("isn't it?"). What stands in its test or validation
  split is left out.
- emoji.tsv: emoji, alone and beside short phrases of the same label.
- words.jsonl: words of reviews with how likely a review that has them is of either label, squared.
- unlabelled.tsv: 30,000 of the unlabelled reviews.
- nbsvm.jsonl: what NB-SVM (Wang & Manning, 2012), of up to three words, thinks of those.
- reviews.tsv: a quarter of the training reviews, in blocks of neighbours, which are of the same
  films.
- held-out.tsv: a tenth of the test reviews, from every other block of them, and the validation
  split of SST-2. So half of the test reviews are nobody's: those of the blocks between.
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, log
from pathlib import Path

import numpy as np
from scipy.sparse import diags
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from conveyor.model.data.examples import Example, read_examples, read_texts

PHRASES = ("sst2/train_phrases.tsv", "sst2/train.tsv")
VALIDATION = "sst2/valid.tsv"
HELD_OUT = ("sst2/test.tsv", VALIDATION)
REVIEWS, UNLABELLED, TEST = "imdb/train.tsv.gz", "imdb/unsup.tsv.gz", "imdb/test.tsv.gz"
DRAWN = 30_000
# Neighbouring reviews of a label.
BLOCK = 250
LABELS = {"pos": "positive", "neg": "negative"}

EMOJI = {
    "pos": "😀😃😄😁😊😍🥰😘😂🤣😎🤩🙂😇👍👏🙌💪🎉✨⭐🌟💯❤💕💖💗💙💚💛💜😋🤗🥳👌✅💎🏆😻🔥",
    "neg": "😞😔😟🙁☹😣😖😫😩😢😭😤😠😡🤬😱😨😰😒😑🙄😴🥱🤮🤢👎💔😬😕🤦💩🚫❌😾😿🗑⛔😪😵",
}
# Those that are signs of text unless this follows them.
TEXT_SIGNS, AS_EMOJI = "❤☹⭐", "\ufe0f"
PHRASES_BESIDE, PHRASE_WORDS = 6, 8

WORD = re.compile(r"[a-z][a-z']*")
# Words of so many reviews, and this far from saying nothing (log of the ratio).
REVIEWS_OF_WORD, FAR = 20, 0.7

NATURAL = (
    (re.compile(r"-LRB-"), "("),
    (re.compile(r"-RRB-"), ")"),
    (re.compile(r"\\([/*])"), r"\1"),
    (re.compile(r"`` ?| ?''"), '"'),
    (re.compile(r" (n't|'s|'re|'ve|'ll|'d|'m)\b", re.IGNORECASE), r"\1"),
    (re.compile(r" ([,.;:!?%)\]])"), r"\1"),
    (re.compile(r"([(\[$]) "), r"\1"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    arguments = parser.parse_args()
    held_out = {example.text for example in read(arguments.data, *HELD_OUT)}
    known = read(arguments.data, *PHRASES)
    phrases = sentences(example for example in known if example.text not in held_out)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(arguments.out / "sentences.tsv", phrases.items())
    write(arguments.out / "emoji.tsv", emoji(phrases))
    reviews = read(arguments.data, REVIEWS)
    write_scores(arguments.out / "words.jsonl", words(reviews))
    texts = read_texts(str(arguments.data / UNLABELLED))
    drawn = random.Random(0).sample(texts, DRAWN)
    write(arguments.out / "unlabelled.tsv", ((text, "unknown") for text in drawn))
    write_scores(arguments.out / "nbsvm.jsonl", nbsvm(reviews, drawn))
    some = [e for e, block in zip(reviews, blocks(reviews), strict=True) if block % 4 == 1]
    write(arguments.out / "reviews.tsv", map(pair, some))
    test = read(arguments.data, TEST)
    even = [e for e, block in zip(test, blocks(test), strict=True) if block % 2 == 0]
    known = [*even[::5], *read(arguments.data, VALIDATION)]
    write(arguments.out / "held-out.tsv", map(pair, known))


def read(data: Path, *files: str) -> list[Example]:
    """Read the examples of several files."""
    return [example for file in files for example in read_examples(str(data / file))]


def blocks(reviews: Sequence[Example]) -> list[int]:
    """Number the blocks that reviews lie in: first all of one label, then as many of the other."""
    return [place % (len(reviews) // 2) // BLOCK for place in range(len(reviews))]


def pair(example: Example) -> tuple[str, str]:
    """Return text and label."""
    return example.text, example.label


def write(path: Path, rows: Iterable[tuple[str, str]]) -> None:
    """Write texts and their labels, the label first."""
    path.write_text("".join(f"{label}\t{text}\n" for text, label in rows))


def write_scores(path: Path, rows: Iterable[tuple[str, float]]) -> None:
    """Write texts and how positive they are."""
    with path.open("w") as file:
        for text, score in rows:
            scores = {LABELS["neg"]: 1 - score, LABELS["pos"]: score}
            file.write(json.dumps({"text": text, "scores": scores}) + "\n")


def natural(text: str) -> str:
    """Put the tokens of the Stanford treebank together as people write them."""
    for pattern, replacement in NATURAL:
        text = pattern.sub(replacement, text)
    return text


def sentences(examples: Iterable[Example]) -> dict[str, str]:
    """Return the label of each text, in both forms."""
    found = {}
    for example in examples:
        found[example.text] = example.label
        found[natural(example.text)] = example.label
    return found


def emoji(phrases: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield texts with emoji, and their labels."""
    rng = random.Random(0)
    for label, signs in EMOJI.items():
        short = [t for t, of in phrases.items() if of == label and t.count(" ") < PHRASE_WORDS]
        for sign in (*signs, *(each + AS_EMOJI for each in signs if each in TEXT_SIGNS)):
            for text in (sign, sign * 2, sign * 3, f"{sign} {sign}"):
                yield text, label
            for phrase in rng.choices(short, k=PHRASES_BESIDE):
                for text in (f"{phrase} {sign}", f"{phrase}{sign}", f"{sign} {phrase}"):
                    yield text, label


def words(reviews: Iterable[Example]) -> Iterator[tuple[str, float]]:
    """Yield words that tell something, and how positive each is, 0 to 1."""
    counts = {label: Counter[str]() for label in LABELS}
    for review in reviews:
        counts[review.label].update(set(WORD.findall(review.text.lower())))
    positive, negative = counts["pos"], counts["neg"]
    for word in sorted(positive | negative):
        ratio = log((positive[word] + 1) / (negative[word] + 1))
        if positive[word] + negative[word] >= REVIEWS_OF_WORD and abs(ratio) > FAR:
            yield word, 1 / (1 + exp(-2 * ratio))


def nbsvm(reviews: Sequence[Example], texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    """Judge texts by logistic regression over n-grams weighted by naive Bayes."""
    counter = CountVectorizer(
        ngram_range=(1, 3), binary=True, min_df=2, token_pattern=r"(?u)\b\w[\w']*\b|[!?]"
    )
    counts = counter.fit_transform(_without_breaks(review.text for review in reviews))
    positive = np.array([review.label == "pos" for review in reviews])
    found = [1 + np.asarray(counts[rows].sum(axis=0)).ravel() for rows in (positive, ~positive)]
    shares = [each / each.sum() for each in found]
    ratios = diags(np.log(shares[0] / shares[1]))
    regression = LogisticRegression(C=0.3, solver="liblinear").fit(counts @ ratios, positive)
    judged = counter.transform(_without_breaks(texts)) @ ratios
    yield from zip(texts, regression.predict_proba(judged)[:, 1].tolist(), strict=True)


def _without_breaks(texts: Iterable[str]) -> Iterator[str]:
    return (text.replace("<br />", " ") for text in texts)


if __name__ == "__main__":
    main()
