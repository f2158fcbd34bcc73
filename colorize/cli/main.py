"""The command: from arguments to an exit status."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from colorize.cli.argument_checks import check_arguments
from colorize.cli.arguments import parser
from colorize.cli.commands import COMMANDS
from colorize.cli.messages import FAILED, INTERRUPTED, log_line, show_warning
from colorize.cli.signals import interrupts
from colorize.errors import ColorizeError, is_closed_pipe, message_of, one_line
from colorize.runtime.threads import limit_blas_threads


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if _has_own_signals(argv):
        return _command(argv)
    limit_blas_threads()
    if sys.stderr is None:  # closed by the parent process, as daemons are started
        sys.stderr = open(os.devnull, "w", encoding="utf-8")
    with interrupts.handle_signals():
        try:
            return _command(argv)
        except KeyboardInterrupt:
            return _interrupted()
        except OSError as error:
            if not is_closed_pipe(error):
                raise
            # The reader of standard output is gone: Python must not fail when it flushes.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except Exception:
            if interrupts.triggered:  # some libraries raise another error when their import is cut
                return _interrupted()
            raise


def run() -> NoReturn:
    """Run the command as a process.

    It ends with `os._exit`: after a network was in use, `sys.exit` takes 0.1 s more with ONNX
    Runtime, and more with torch, to tear down what the system reclaims anyway.
    """
    status = main()
    # Ray and the processes of a training run end at exit.
    if "ray" in sys.modules or _has_own_signals(sys.argv[1:]):
        sys.exit(status)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except AttributeError:  # closed by the parent process: nothing was meant for it
            pass
        except (OSError, ValueError):  # full, or its reader is gone
            status = status or FAILED
    os._exit(status)


def _has_own_signals(argv: Sequence[str]) -> bool:
    """Return whether the arguments are those of a sub-command that handles Ctrl-C itself."""
    return bool(argv) and argv[0] in COMMANDS and COMMANDS[argv[0]].own_signals


def _command(argv: list[str]) -> int:
    if argv and argv[0] in COMMANDS:
        return COMMANDS[argv[0]].run(argv[1:])
    arguments = parser()
    args = arguments.parse_args(argv)
    check_arguments(arguments, args)
    return _colorize(args)


def _interrupted() -> int:
    log_line("interrupted")
    return INTERRUPTED


def _colorize(args: argparse.Namespace) -> int:
    """Colorize the inputs that the arguments name."""
    # Pillow, which is not imported yet, then allocates in blocks that the system gets back.
    os.environ.setdefault("PILLOW_BLOCK_SIZE", "64m")
    from colorize.cli.pipe import colorize_pipe
    from colorize.cli.run import colorize_files

    try:
        with warnings.catch_warnings():
            warnings.showwarning = show_warning
            if args.quiet:
                warnings.simplefilter("ignore")
            if args.input == ["-"] or args.output == "-":
                return colorize_pipe(args)
            if args.watch is not None:
                from colorize.cli.watch import watch

                return watch(args)
            return colorize_files(args)
    except ColorizeError as error:
        log_line(str(error))
        return FAILED
    except ImportError as error:  # there is too little memory for a library
        log_line(f"a library cannot be loaded: {one_line(error)}")
        return FAILED
    except OSError as error:  # standard output is full, the working folder is gone, ...
        if is_closed_pipe(error):
            raise
        gone = isinstance(error, FileNotFoundError) and error.filename is None
        log_line("the current folder no longer exists" if gone else message_of(error))
        return FAILED
