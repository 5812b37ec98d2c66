"""What signals mean to a server: some end it in order, those without a meaning are ignored.

The others are as the system has them: those that stop and continue a process, those of its own
faults, and SIGKILL.
"""

import signal

# Whoever sends these wants the process to end. SIGHUP is what is left of a terminal that is closed.
ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

# By default each of these ends a process at once, and whoever is being answered with it.
MEANINGLESS = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGPIPE,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGIO,
    signal.SIGPWR,
    signal.SIGSTKFLT,
    *range(signal.SIGRTMIN, signal.SIGRTMAX + 1),
)


def ignore_the_meaningless() -> None:
    """Ignore them from now on, here and in the processes that are started from here."""
    for number in MEANINGLESS:
        signal.signal(number, signal.SIG_IGN)


def ending() -> list[signal.Signals]:
    """The signals that end a server. Not SIGHUP if it is ignored: that is what nohup is for."""
    hung_up = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    return [number for number in ENDING if number != signal.SIGHUP or hung_up]


def is_impatient(number: int) -> bool:
    """Whether this signal, as a second one, says to end at once.

    A terminal that is closed may send SIGHUP twice: the system does, and the shell.
    """
    return number != signal.SIGHUP
