"""The signals of a server: some shut it down, those without a meaning are ignored.

The others are as the system has them: those that stop and continue a process, those of its own
faults, and SIGKILL.
"""

import signal

HANG_UP = "SIGHUP"  # what is left of a terminal that is closed

# Whoever sends these wants the process to end. SIGBREAK is Windows'.
SHUTDOWN_NAMES = ("SIGTERM", "SIGINT", "SIGQUIT", HANG_UP, "SIGBREAK")

# By default each of these ends a process at once, and whoever is being answered with it.
IGNORED_NAMES = (
    "SIGUSR1",
    "SIGUSR2",
    "SIGPIPE",
    "SIGALRM",
    "SIGVTALRM",
    "SIGPROF",
    "SIGIO",
    "SIGPWR",
    "SIGSTKFLT",
    "SIGRTMIN",
    "SIGRTMAX",
)


def _named(names: tuple[str, ...]) -> tuple[signal.Signals, ...]:
    """Find those of the signals that this system has."""
    return tuple(signal.Signals[name] for name in names if name in signal.Signals.__members__)


SHUTDOWN_SIGNALS = _named(SHUTDOWN_NAMES)

# Those without a name lie between SIGRTMIN and SIGRTMAX.
IGNORED = (*_named(IGNORED_NAMES), *(signal.valid_signals() - set(signal.Signals)))


def ignore_signals() -> None:
    """Ignore them from now on, here and in the processes that are started from here."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def shutdown_signals() -> list[signal.Signals]:
    """List the signals that end a server. Not SIGHUP if it is ignored: that is what nohup does."""
    return [
        number
        for number in SHUTDOWN_SIGNALS
        if number.name != HANG_UP or signal.getsignal(number) != signal.SIG_IGN
    ]


def forces_exit(number: int) -> bool:
    """Tell if this signal, as a second one, ends the process at once.

    A terminal that is closed may send SIGHUP twice: the system does, and the shell.
    """
    return signal.Signals(number).name != HANG_UP
