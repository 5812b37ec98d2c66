"""The interpreter that a server's threads share: its lock, and its garbage collector."""

import gc
import sys

# The model's thread needs the interpreter for moments between two steps. By default it would get it
# back from a busy event loop after 5 ms, the time of a step.
SWITCH_SECONDS = 0.00005

# Objects in cycles until they are looked for among the youngest, and so many of these searches
# until the next older ones are looked through (700, 10, 10 by default). Nearly all that a request
# leaves is freed without a search; under a flood the searches stopped everybody for up to 160 ms.
SEARCHES = (50_000, 20, 50)


def set_switch_interval() -> None:
    """Let a thread that waits for the interpreter have it soon."""
    sys.setswitchinterval(SWITCH_SECONDS)


def pause_gc() -> None:
    """Search for no garbage until `freeze_gc`, while all is imported, which leaves next to none."""
    gc.disable()


def freeze_gc() -> None:
    """Search for garbage seldom, and never among what has been loaded by now."""
    gc.freeze()
    gc.set_threshold(*SEARCHES)
    gc.enable()
