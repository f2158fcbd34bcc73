"""`colorize-serve`: its arguments, its start, its end."""

import errno
import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("starlette", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("uvicorn", reason="pip install 'colorize-photos[serve]'")
pytest.importorskip("python_multipart", reason="pip install 'colorize-photos[serve]'")

from fixtures.server import BOUNDARY, PHOTO, form, wait_until

from colorize.server import cli as command
from colorize.server.cli import main
from colorize.server.limits import Limits

ROOT = Path(__file__).parents[2]


@contextmanager
def started(weights: str, *arguments: str):
    """Give the process of a server and its port; kill it in the end, if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "colorize.server", "--port", "0", "--weights", weights, *arguments],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        line = process.stderr.readline()
        told = re.fullmatch(
            r"colorize-serve: compact on cpu at http://127\.0\.0\.1:(\d+) \(Ctrl-C stops\)\n", line
        )
        assert told, line
        yield process, int(told[1])
    finally:
        process.kill()
        process.communicate()


def large_photograph() -> bytes:
    """Return a photograph that takes the server a while."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((2400, 2000)).save(file, "JPEG")
    return file.getvalue()


def post(port: int, photo: bytes = PHOTO, kind: str = "image/jpeg") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/colorize", photo, {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def health(port: int) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/healthz")
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_answers_what_it_accepted(weights, number):
    with started(weights, "--batch", "1", "--max-bytes", "5000000") as (process, port):
        assert health(port)["max_bytes"] == 5_000_000
        answers: list[tuple[int, bytes]] = []
        photo = large_photograph()  # so that the last arrives before the first is answered
        threads = [
            threading.Thread(target=lambda: answers.append(post(port, photo=photo)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: health(port)["accepted"] == 4)
        process.send_signal(number)
        for thread in threads:
            thread.join(60)
        assert [status for status, _ in answers] == [200] * 4
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_a_broken_form_is_told_to_its_client_alone(weights):
    with started(weights) as (process, port):
        body, kind = form(PHOTO)
        status, told = post(port, photo=body, kind=kind.replace(BOUNDARY, "another"))
        assert (status, told) == (
            400,
            b'{"error":"the form can\'t be read: invalid multipart data"}',
        )
        process.terminate()
        assert (process.wait(30), process.stderr.read()) == (0, "")


def test_a_port_in_use_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["--port", str(port)]) == 1
    error = capsys.readouterr().err
    reason = os.strerror(errno.EADDRINUSE).lower()
    told = f"127.0.0.1 port {port}: can't listen: {reason}; choose another --host or --port"
    assert error == f"colorize-serve: {told}\n"


@pytest.mark.parametrize("host", ["no.such.host.invalid", "x" * 300, "192.0.2.1"])
def test_an_address_that_is_not_ours_is_told(capsys, host):
    assert main(["--host", host, "--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"colorize-serve: {host} port 0: can't listen: ")
    assert error.count("\n") == 1


def test_missing_weights_are_told(capsys):
    assert main(["--weights", "no-such-file", "--port", "0"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("colorize-serve: no-such-file: ") and error.count("\n") == 1


@pytest.mark.parametrize("missing", ["starlette", "uvicorn", "python_multipart"])
def test_an_absent_extra_is_one_line(missing, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main([]) == 1
    told = "colorize-serve: the server needs: pip install 'colorize-photos[serve]'\n"
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "65536"], ["--port", "x"], ["--queue", "0"], ["--batch", "-1"],
        ["--max-bytes", "1.5"], ["--gpu", "--device", "cpu"], ["--model", "other"], ["file.jpg"],
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


def test_defaults_keep_to_this_machine():
    args = command.parser().parse_args([])
    assert (args.host, args.port) == ("127.0.0.1", 8000)
    assert Limits(args.max_bytes, args.max_pixels, args.queue, args.batch) == Limits()


def test_help_needs_neither_torch_nor_the_extra():
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
                   "--max-pixels", "--queue", "--batch"):  # fmt: skip
        assert option in result.stdout
