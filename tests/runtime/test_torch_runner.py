"""Torch in processes that were forked."""

import os
import time

import numpy as np
import pytest
from fixtures.random_weights import lively

from colorize.models.siggraph17 import SIGGRAPH17
from colorize.runtime.torch_runner import TorchRunner

SECONDS = 60


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_process_can_run_the_network():
    runner = TorchRunner(lively(SIGGRAPH17()).eval())
    lightness = np.full((1, 1, 64, 64), 50, np.float32)
    runner(lightness)
    child = os.fork()
    if child == 0:
        runner(lightness)
        os._exit(0)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        time.sleep(0.05)
    else:
        os.kill(child, 9)
        os.waitpid(child, 0)
        pytest.fail("the child hangs")
    assert status == 0
