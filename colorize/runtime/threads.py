"""How many threads work: the cores of this process, and one for each product of NumPy's."""

from __future__ import annotations

import os


def available_cpus() -> int:
    """Return how many cores this process may use; OMP_NUM_THREADS limits them, as with torch."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        found = len(os.sched_getaffinity(0))
    else:
        found = os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return min(found, int(limit)) if limit.isdigit() and int(limit) > 0 else found


def limit_blas_threads() -> None:
    """Keep NumPy's matrix products to one thread, unless the environment says otherwise.

    They are small here, and threads of OpenBLAS that wait for each other take the cores from the
    other photographs: a batch took a third longer. To be called before NumPy is imported.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
