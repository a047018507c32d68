"""Passwords stand in no log and on no command line; what lies on the disk is its owner's."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.scenario.switches import PASSWORD


def test_password_of_the_switch_is_in_no_log_and_no_command_line(stack):
    """Not even when a call fails, or the link is refused."""
    stack.caller.call("0900100002", talk_ms=100)
    stack.eventually(lambda: "call_recorded" in stack.engine_log())
    secrets = (PASSWORD.encode(), stack.dsn.encode())

    assert not any(secret in stack.engine_log().encode() for secret in secrets)
    for process in stack.engine_processes():
        command = Path(f"/proc/{process}/cmdline").read_bytes()
        assert b"serve" in command or b"export" in command
        assert not any(secret in command for secret in secrets)


def test_files_beside_the_journal_are_readable_by_their_owner_alone(stack):
    """They hold callers' numbers."""
    stack.eventually(stack.kept_reference.exists, within_s=60)
    files = [path for path in stack.journal.parent.glob("journal.*") if path.is_file()]

    assert len(files) >= 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
