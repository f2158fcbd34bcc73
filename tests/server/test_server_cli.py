"""The command `colorize-serve`: arguments, start, stop."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures.server import BOUNDARY, PHOTO, Server, make_form, wait_until
from PIL import Image

from colorize.command_parser import from_arguments
from colorize.server.cli import main, make_parser
from colorize.server.limits import Limits

ROOT = Path(__file__).parents[2]


@contextmanager
def run_command(weights: str, *arguments: str):
    """Yield the process of a server and the server; kill it afterward if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "colorize.server", "--port", "0", "--weights", weights, *arguments],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert address, line
        yield process, Server(int(address[1]))
    finally:
        process.kill()
        process.communicate()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Unix signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_signal_lets_accepted_requests_finish(weights, number):
    file = io.BytesIO()  # large, so that the last request arrives before the first is answered
    Image.linear_gradient("L").resize((2400, 2000)).save(file, "JPEG")
    command = run_command(weights, "--max-batch", "1", "--max-bytes", "5000000")
    with command as (process, server), ThreadPoolExecutor(4) as threads:
        assert server.health()["max_bytes"] == 5_000_000
        responses = [threads.submit(server.post, file.getvalue()) for _ in range(4)]
        wait_until(lambda: server.health()["accepted"] == 4)
        process.send_signal(number)
        assert [response.result().status for response in responses] == [200] * 4
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


@pytest.mark.slow
def test_broken_form_is_not_logged(weights):
    with run_command(weights) as (process, server):
        body, content_type = make_form(PHOTO)
        response = server.post(body, content_type=content_type.replace(BOUNDARY, "another"))
        assert response.status == 400 and response.error
        process.terminate()
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_port_in_use_gives_one_line(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"colorize: 127.0.0.1 port {port}: ") and error.count("\n") == 1
    assert "--port" in error


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 300, "192.0.2.1"])
def test_unusable_host_gives_one_line(capsys, host):
    assert main(["--host", host, "--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"colorize: {host} port 0: ") and error.count("\n") == 1


def test_missing_weights_give_one_line(capsys):
    assert main(["--weights", "no-such-file", "--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("colorize: no-such-file: ") and error.count("\n") == 1


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "python_multipart"])
def test_missing_extra_names_the_remedy(missing, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([]) == 1
    error = capsys.readouterr().err
    assert "[serve]" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536"], ["--port", "x"], ["--max-queue", "0"], ["--max-batch", "-1"],
        ["--max-bytes", "1.5"], ["--gpu", "--device", "cpu"], ["--model", "other"], ["file.jpg"],
    ],
)  # fmt: skip
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_default_address_is_this_machine_only():
    args = make_parser().parse_args([])
    assert (args.host, args.port) == ("127.0.0.1", 8000)
    assert from_arguments(Limits, args) == Limits()


def test_former_option_names_are_accepted_but_not_listed():
    args = make_parser().parse_args(["--queue", "5", "--batch", "3"])
    assert (args.max_queue, args.max_batch) == (5, 3)
    help = make_parser().format_help()
    assert "--queue" not in help and "--batch" not in help


def test_help_imports_neither_torch_nor_the_extra():
    code = (
        "import sys; from colorize.server.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "found = {'torch', 'uvicorn', 'starlette', 'numpy'} & set(sys.modules)\n"
        "assert not found, found"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for option in ("--host", "--port", "--model", "--weights", "--gpu", "--device", "--max-bytes",
                   "--max-pixels", "--max-queue", "--max-batch"):  # fmt: skip
        assert option in result.stdout


def test_open_opens_the_page_in_the_browser(weights, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: wait_until(lambda: opened))
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert main(["--open", "--port", "0", "--weights", weights]) == 0
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", opened[0])


def test_address_for_a_phone_is_printed(weights, monkeypatch, capsys):
    monkeypatch.setattr("uvicorn.Server.run", lambda server, sockets: None)
    monkeypatch.setattr("signal.signal", lambda *arguments: None)
    monkeypatch.setattr("colorize.server.cli._own_address", lambda family: "192.168.1.20")
    assert main(["--host", "0.0.0.0", "--port", "0", "--weights", weights]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(re.search(r"phone.*http://192\.168\.1\.20:\d+$", line) for line in lines)
    assert any("no login" in line for line in lines)
