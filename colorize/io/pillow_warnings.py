"""Silence for Pillow's warnings about odd tags, which mean nothing to users."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock

_lock = Lock()
_users = 0
_filter = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


@contextmanager
def pillow_warnings_ignored() -> Iterator[None]:
    """Ignore Pillow's warnings while any thread is inside.

    warnings.catch_warnings would not do: threads that leave in another order than they entered
    would restore each other's filters.
    """
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            warnings.filters.insert(0, _filter)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                with suppress(ValueError):
                    warnings.filters.remove(_filter)  # type: ignore[attr-defined]
