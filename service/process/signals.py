"""The signals of a server: some shut it down, those without a meaning are ignored.

The others are as the system has them: those that stop and continue a process, those of its own
faults, and SIGKILL.
"""

import signal

# Whoever sends these wants the process to end. SIGHUP is what is left of a terminal that is closed.
SHUTDOWN_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)

# By default each of these ends a process at once, and whoever is being answered with it.
IGNORED = (
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


def ignore_signals() -> None:
    """Ignore them from now on, here and in the processes that are started from here."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)


def shutdown_signals() -> list[signal.Signals]:
    """List the signals that end a server. Not SIGHUP if it is ignored: that is what nohup does."""
    hung_up = signal.getsignal(signal.SIGHUP) != signal.SIG_IGN
    return [number for number in SHUTDOWN_SIGNALS if number != signal.SIGHUP or hung_up]


def forces_exit(number: int) -> bool:
    """Tell if this signal, as a second one, ends the process at once.

    A terminal that is closed may send SIGHUP twice: the system does, and the shell.
    """
    return number != signal.SIGHUP
