"""Cost of traces: `python bench/states.py`, on a machine that does nothing else.

Everything is timed side by side in one run, in turn, so that a change of the machine's speed hits
all alike. A figure is the median over the rounds; a ratio is the median of the rounds' ratios.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from conveyor.model.inference.classifier import Classifier, Trace, use_threads, used_threads
from conveyor.model.network.classifier import LSTMClassifier
from conveyor.model.network.config import ModelConfig
from conveyor.model.network.selection import Selection
from conveyor.model.text.tokenizer import Encoding, Tokenizer
from conveyor.service.api.compression import CODINGS
from conveyor.service.api.encoding import FORMATS, Result, States

VOCABULARY, EMBEDDING = 30_000, 128
SIZES = [(64, 256, 1), (64, 256, 8), (256, 64, 1), (256, 256, 1), (256, 256, 8), (256, 1024, 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=used_threads())
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, {used_threads()} threads, {arguments.rounds} rounds, ms\n")
    print("| hidden | steps | texts | prediction | all six | ratio | cell loop | loop / all six |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for hidden, steps, texts in SIZES:
        print(_compare(hidden, steps, texts, arguments.rounds), flush=True)
    print("\n| format | bytes | milliseconds |\n| --- | --- | --- |")
    for line in _encodings(arguments.rounds):
        print(line, flush=True)


def _compare(hidden: int, steps: int, texts: int, rounds: int) -> str:
    classifier, encodings = _classifier(hidden), _texts(steps, texts)
    loop = _CellLoop(classifier.network)
    ids = torch.tensor([encoding.ids for encoding in encodings])
    predicted, traced, looped = _time(
        rounds,
        lambda: classifier.predict(encodings),
        lambda: classifier.trace(encodings),
        lambda: loop(ids),
    )
    times = (statistics.median(times) for times in (predicted, traced, looped))
    one, six, by_loop = (f"{seconds * 1000:.1f}" for seconds in times)
    ratio, gain = _ratio(traced, predicted), _ratio(looped, traced)
    return f"| {hidden} | {steps} | {texts} | {one} | {six} | {ratio} | {by_loop} | {gain} |"


def _encodings(rounds: int) -> list[str]:
    """Time the encoding of all six tensors of 1,000 steps of 256 units, and its compression."""
    classifier, [encoding] = _classifier(256), _texts(1000, 1)
    trace: Trace = classifier.trace([encoding], Selection(summaries=True))[0]
    result = Result("x" * 1000, encoding, truncated=False, trace=trace, sha256="0" * 64)
    states = States(classifier.config.labels, list(range(256)), [result])
    lines = []
    for kind, form in FORMATS.items():
        for decimals in (None, 3) if form.compressible else (None,):
            body = form.write(states, decimals)
            name = f"{kind}, {decimals} decimals" if decimals else kind
            [seconds] = _time(rounds, partial(form.write, states, decimals))
            lines.append(_line(name, len(body), seconds))
            for coding, compress in CODINGS.items():
                [seconds] = _time(max(1, rounds // 5), partial(compress, body))
                lines.append(_line(f"{name}, {coding} of it", len(compress(body)), seconds))
    return lines


def _line(name: str, size: int, seconds: list[float]) -> str:
    return f"| {name} | {size:,} | {statistics.median(seconds) * 1000:.1f} |"


class _CellLoop:
    """The plain loop: the same network as an `nn.LSTMCell` that is called at every step.

    It gets h and c; the gates, which the cell does not show, it leaves out.
    """

    def __init__(self, network: LSTMClassifier) -> None:
        self.network = network
        hidden = network.config.hidden_size
        self.cell = nn.LSTMCell(EMBEDDING, hidden).requires_grad_(False)
        state = {name.removesuffix("_l0"): p for name, p in network.recurrent.named_parameters()}
        self.cell.load_state_dict(state)

    @torch.inference_mode()
    def __call__(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        x = self.network.embedding(ids.T)
        h = c = x.new_zeros(ids.shape[0], self.cell.hidden_size)
        states = []
        for step in x.unbind(0):
            h, c = self.cell(step, (h, c))
            states.append((h, c))
        hidden, cell = (torch.stack(tensors) for tensors in zip(*states, strict=True))
        return hidden, cell


def _time(rounds: int, *works: Callable[[], object]) -> list[list[float]]:
    """Time the works in turn, after two rounds to warm up; returns each one's seconds a round."""
    seconds: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 2):
        for times, work in zip(seconds, works, strict=True):
            started = time.perf_counter()
            result = work()
            elapsed = time.perf_counter() - started
            del result  # not before the clock has stopped: its owner pays for that later
            if number >= 2:  # noqa: PLR2004 - the warm-up
                times.append(elapsed)
    return seconds


def _ratio(numerators: list[float], denominators: list[float]) -> str:
    pairs = zip(numerators, denominators, strict=True)
    return f"{statistics.median(one / other for one, other in pairs):.2f}"


def _classifier(hidden: int) -> Classifier:
    config = ModelConfig(
        vocab_size=VOCABULARY,
        embedding_dim=EMBEDDING,
        hidden_size=hidden,
        id2label={0: "negative", 1: "positive"},
        max_tokens=4096,
        pad_token_id=0,
        unk_token_id=1,
    )
    network = LSTMClassifier(config).eval().requires_grad_(False)
    return Classifier(config, network, Tokenizer.train(["a a"], "word", 5))


def _texts(steps: int, texts: int) -> list[Encoding]:
    """Draw random words, as frequent as words of their rank are in a language (Zipf)."""
    frequency = 1 / torch.arange(1, VOCABULARY - 1, dtype=torch.float64)
    ids = torch.multinomial(frequency, steps * texts, replacement=True) + 2
    offsets = [(place, place + 1) for place in range(steps)]
    return [Encoding(row, offsets) for row in ids.view(texts, steps).tolist()]


if __name__ == "__main__":
    main()
