"""The unit and the files beside it agree with the program and with the guide."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from callcontrol.cli.forget import forget
from callcontrol.cli.serve import serve
from callcontrol.config import Settings
from callcontrol.workers.supervisor import _STOP_S

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "ops" / "systemd"
UNIT = (FOLDER / "callcontrol.service").read_text(encoding="utf-8")
UNITS = [path.name for path in FOLDER.iterdir() if path.suffix in {".service", ".timer"}]
GUIDE = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
LINES = dict(line.split("=", 1) for line in UNIT.splitlines() if re.match(r"[A-Z]\w+=", line))


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_reads_as_systemd_reads_it(name):
    """Sections it knows, settings inside them, none left empty or said twice."""
    section, seen = "", set()
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
            assert section in {"Unit", "Service", "Timer", "Install"}
            continue
        setting = re.fullmatch(r"([A-Z][A-Za-z]+)=(.*)", line)
        assert section, line
        assert setting, line
        assert (section, setting[1]) not in seen, line
        assert setting[2] or setting[1] in {"CapabilityBoundingSet", "AmbientCapabilities"}
        seen.add((section, setting[1]))
    kind = "Timer" if name.endswith(".timer") else "Service"
    assert {one for one, _ in seen} >= {"Unit", kind}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_has_nothing_to_complain_of(tmp_path, name):
    """Asked where there is systemd; the tests below need none."""
    analyze = shutil.which("systemd-analyze")
    for unit in UNITS:
        text = (FOLDER / unit).read_text(encoding="utf-8")
        text = text.replace("/opt/callcontrol/bin/callcontrol", "/bin/true")
        (tmp_path / unit).write_text(text, encoding="utf-8")
    said = ""
    if analyze is not None:
        done = subprocess.run(
            [analyze, "verify", str(tmp_path / name)],
            capture_output=True,
            text=True,
            check=False,
        )
        said = "\n".join(line for line in done.stderr.splitlines() if "callcontrol" in line)
        assert done.returncode == 0, done.stderr
    assert said == ""
    assert re.match(r"\[Unit\]\n|# .*\n\[Unit\]\n", (FOLDER / name).read_text("utf-8"))


def test_what_is_done_at_night():
    """The command exists, with this option, and the timer starts that very service."""
    text = (FOLDER / "callcontrol-forget.service").read_text(encoding="utf-8")
    _, command, *options = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)[0].split()

    assert command == "forget"
    assert {word for word in options if word.startswith("--")} == {"--older-than"}
    assert "older_than" in inspect.signature(forget).parameters
    assert (FOLDER / "callcontrol-forget.timer").is_file()


def test_it_starts_what_there_is():
    """`serve` with an option it has; ready is told by /readyz, so systemd is not told."""
    _, command, option, count = LINES["ExecStart"].split()

    assert command == serve.__name__
    assert option == "--workers"
    assert int(count) > 1
    assert LINES["Type"] == "exec"


def test_signals_are_those_the_program_knows():
    """Reload is SIGHUP to the supervisor, a stop SIGTERM to it alone, with time to finish."""
    assert LINES["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert LINES["KillMode"] == "mixed"
    assert int(LINES["TimeoutStopSec"]) > Settings.model_fields["drain_s"].default + _STOP_S
    assert LINES["RestartPreventExitStatus"] == "2"


def test_the_files_beside_it_are_settings():
    """Each name is one, and the journal is where the service may write."""
    given = tomllib.loads((FOLDER / "callcontrol.toml").read_text(encoding="utf-8"))
    secrets = re.findall(r"^(\w+)=", (FOLDER / "secrets.env").read_text("utf-8"), re.MULTILINE)

    assert given.keys() <= Settings.model_fields.keys()
    assert Path(Settings(**given).journal).parent == Path("/var/lib") / LINES["StateDirectory"]
    assert {name.removeprefix("CALLCONTROL_").lower() for name in secrets} <= set(
        Settings.model_fields
    )


def test_the_guide_knows_every_place():
    """Program, settings, secrets, state: each path of the unit is explained."""
    paths = set(re.findall(r"/(?:etc|opt|var/lib)/callcontrol[\w./]*", UNIT))

    assert {"/etc/callcontrol/callcontrol.toml", "/etc/callcontrol/secrets.env"} < paths
    assert all(path in GUIDE for path in paths)
    assert all(file.name in GUIDE for file in FOLDER.iterdir())
