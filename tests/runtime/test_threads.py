"""How many threads work."""

from __future__ import annotations

import os

import pytest

from colorize.runtime.threads import available_cpus, limit_blas_threads


def test_threads_are_the_cores_of_the_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert available_cpus() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert available_cpus() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert available_cpus() == 3


@pytest.mark.parametrize("said", [None, "4"])
def test_products_take_one_thread_unless_the_environment_says_otherwise(monkeypatch, said):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", said or "")
    if said is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    limit_blas_threads()
    assert os.environ["OPENBLAS_NUM_THREADS"] == (said or "1")
