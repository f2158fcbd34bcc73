"""What the benchmarks say of a command is of that command."""

import sys
from pathlib import Path

import pytest

from benchmarks.measure import run_command

HERE = Path(__file__).parent


def test_memory_is_that_of_the_command_not_of_the_benchmark():
    kept = bytearray(b"x") * (100 << 20)
    assert 3 < run_command((sys.executable, "-S", "-c", "pass"), HERE).mib < 50
    use = "x = bytearray(b'x') * (64 << 20)"
    assert 64 < run_command((sys.executable, "-S", "-c", use), HERE).mib < 110
    del kept


def test_time_and_output_are_the_commands():
    run = run_command((sys.executable, "-c", "import time; time.sleep(0.2); print('woke')"), HERE)
    assert (run.output, run.seconds >= 0.2) == ("woke\n", True)
    assert run.cpu < run.seconds


@pytest.mark.parametrize("command", [(sys.executable, "-c", "exit(3)"), ("/no/such/program",)])
def test_a_command_that_fails_is_no_measurement(command):
    with pytest.raises(RuntimeError, match="failed"):
        run_command(command, HERE)
    assert run_command((sys.executable, "-c", "exit(3)"), HERE, status=3).output == ""
