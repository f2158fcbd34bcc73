"""Numbers of threads: the CPUs of this process, and one for each of NumPy's matrix products."""

from __future__ import annotations

import os
import sys


def available_cpus() -> int:
    """Return how many CPUs this process may use; OMP_NUM_THREADS limits them, as with torch."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(found, int(limit)) if limit.isdigit() and int(limit) > 0 else found


def limit_blas_threads() -> None:
    """Keep NumPy's matrix products to one thread, unless OPENBLAS_NUM_THREADS is set.

    They are small here, and OpenBLAS's threads busy-wait for each other, which takes CPU time from
    the other photographs: a batch took a third longer. The limit holds for the whole process, so
    the library sets it only where a program colorizes several photographs at once (see
    `Colorizer.set_concurrency`).
    """
    if "OPENBLAS_NUM_THREADS" in os.environ:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # for a NumPy that is imported later
    if "numpy" in sys.modules:
        # Imported here because the commands call this before NumPy, and then do not need it.
        from threadpoolctl import threadpool_limits

        threadpool_limits(1, user_api="blas")
