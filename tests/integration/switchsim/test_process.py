"""The stand-in switch as a process of its own."""

import json
import os
import signal
import subprocess
import sys

_LIMIT_S = 20


def _start(arguments, cwd, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.getcwd(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_tells_its_ports_and_ends_on_sigterm(tmp_path):
    """One JSON line when it is ready, nothing else anywhere, and a clean end."""
    arguments = ["switchsim", "--sip", "127.0.0.1:0", "--event-socket", "127.0.0.1:0"]
    with _start(arguments, tmp_path) as process:
        ready = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=_LIMIT_S)

    assert not ready["sip"].endswith(":0")
    assert not ready["event_socket"].endswith(":0")
    assert ready["pid"] == process.pid
    assert (process.returncode, rest, errors) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_one_sentence(tmp_path):
    """A second switch on the same ports says so and ends with 2."""
    arguments = ["switchsim", "--sip", "127.0.0.1:0", "--event-socket", "127.0.0.1:0"]
    with _start(arguments, tmp_path) as process:
        taken = json.loads(process.stdout.readline())["event_socket"]
        second = _start(
            ["switchsim", "--sip", "127.0.0.1:0", "--event-socket", taken], tmp_path
        )
        _, errors = second.communicate(timeout=_LIMIT_S)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_LIMIT_S)

    assert second.returncode == 2
    assert errors.count("\n") == 1
    assert "in use" in errors


def test_parties_as_processes(tmp_path):
    """A caller's process calls a destination's process and reports the answers."""
    answering = [
        "switchsim.phones",
        "answer",
        "--bind",
        "127.0.0.1:0",
        "--rule",
        ".*=answer:20",
    ]
    with _start(answering, tmp_path) as destination:
        where = json.loads(destination.stdout.readline())["sip"][0]
        calling = ["switchsim.phones", "call", "--to", where, "--talk", "0.1", "--count", "3"]
        caller = _start(calling, tmp_path)
        reported, _ = caller.communicate(timeout=_LIMIT_S)
        destination.send_signal(signal.SIGTERM)
        destination.communicate(timeout=_LIMIT_S)

    reports = [json.loads(line) for line in reported.splitlines()]
    assert [report["answers"] for report in reports] == [[180, 200]] * 3
