"""Calls that can be given up, whatever they wait for.

A timeout of a socket is one for each read: a server that sends a byte now and then keeps the caller
waiting for as long as it likes, for a line of a header or the handshake of TLS too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def start(function: Callable[[], Result]) -> Future[Result]:
    """Return the result to come of a function, which runs in a thread of its own.

    That thread does not keep the program from ending.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def call_within(seconds: float, function: Callable[[], Result]) -> Result:
    """Return what a function returns. Raises TimeoutError if that takes longer."""
    future = start(function)
    if not wait([future], seconds).done:
        raise TimeoutError(f"takes more than {seconds / 60:g} minutes")
    return future.result()
