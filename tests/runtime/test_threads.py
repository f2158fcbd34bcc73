"""How many threads work."""

from __future__ import annotations

import os

import pytest
from fixtures.colorizers import make_colorizer
from threadpoolctl import threadpool_info, threadpool_limits

from colorize.runtime.threads import available_cpus, limit_blas_threads


def test_threads_are_the_cores_of_the_process(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert available_cpus() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert available_cpus() == 2
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert available_cpus() == 3


def blas_threads() -> set[int]:
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_concurrent_photographs_limit_blas_in_a_running_process(network, monkeypatch):
    if not blas_threads():
        pytest.skip("NumPy has no BLAS whose threads can be limited")
    colorizer = make_colorizer(network, size=64)
    with threadpool_limits(2, user_api="blas"):
        monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
        colorizer.set_concurrency(1)
        assert blas_threads() == {2}
        colorizer.set_concurrency(4)
        assert blas_threads() == {1}


@pytest.mark.parametrize("setting", [None, "4"])
def test_products_take_one_thread_unless_the_environment_says_otherwise(monkeypatch, setting):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", setting or "")
    if setting is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    limit_blas_threads()
    assert os.environ["OPENBLAS_NUM_THREADS"] == (setting or "1")
