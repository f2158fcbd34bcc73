"""The connection to a Ray cluster, or a cluster of this machine only, for the time of a batch."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from colorize.errors import ColorizeError, one_line
from colorize.installation import install_command
from colorize.runtime.threads import available_cpus

LOCAL = "local"  # the address that starts Ray on this machine
ATTEMPTS = 3  # of a photograph whose process dies
OBJECT_STORE_BYTES = 100 << 20  # little more than Ray's minimum: no pictures travel through it

ENVIRONMENT = {  # of Ray
    "RAY_USAGE_STATS_ENABLED": "0",  # send nothing anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else it warns
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",  # else it prints a page on standard output per dead worker
    "RAY_task_oom_retries": str(ATTEMPTS - 1),  # else no limit where the memory is too small
}

LOCAL_ENVIRONMENT = ENVIRONMENT | {
    # listen on 127.0.0.1 only, as Ray does on macOS and Windows; read when Ray is imported
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}


@contextmanager
def connect(address: str) -> Iterator[ModuleType]:
    """Yield the module `ray`, connected until the end; the caller's own connection stays."""
    for name, value in (LOCAL_ENVIRONMENT if address == LOCAL else ENVIRONMENT).items():
        os.environ.setdefault(name, value)
    try:
        # Imported here because it takes seconds and only `--ray` needs it.
        import ray
    except ImportError as error:
        raise ColorizeError(f"--ray needs an extra: {install_command('ray')}") from error
    if ray.is_initialized():
        yield ray
        return
    with _preserve_signal_handlers():
        _start(ray, address)
    try:
        yield ray
    finally:
        with _preserve_signal_handlers():
            ray.shutdown()


def _start(ray: ModuleType, address: str) -> None:
    local: dict[str, int] = {}
    if address == LOCAL:
        local = {
            "num_cpus": available_cpus(),
            "include_dashboard": False,
            "object_store_memory": OBJECT_STORE_BYTES,
        }
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **local)
    except Exception as error:
        raise ColorizeError(f"--ray {address}: can't connect: {one_line(error)}") from error


@contextmanager
def _preserve_signal_handlers() -> Iterator[None]:
    """Restore the handlers that Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
