"""The last good reference on disk: a reference file with a first line that vouches for it.

An engine that starts while Postgres is away decides by it. It holds what Postgres last said, so
`callcontrol load` takes it as well. Written to a file beside, flushed and renamed: there is
always a whole one. The hash finds what a disk or an editor has changed.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from callcontrol.clock import at_of
from callcontrol.errors import ConfigError
from callcontrol.reference_file.build import Built, ReferenceBuilder
from callcontrol.reference_file.document import text_of
from callcontrol.reference_file.model import ReferenceFile
from callcontrol.reference_file.yaml_text import parse_yaml

_FORMAT = 1
_HEAD = re.compile(
    r"# callcontrol reference, format (?P<format>\d+), revision (?P<revision>\d+),"
    r" read (?P<read_us>\d+), sha256 (?P<sha256>[0-9a-f]{64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptHead:
    """What the first line says.

    Attributes:
        revision: as of which the rest was read.
        read_us: when, microseconds since the epoch.
        sha256: of the rest.
    """

    revision: int
    read_us: int
    sha256: str


def write_kept(path: Path, file: ReferenceFile, *, revision: int, read_us: int) -> None:
    """Keep a reference; blocks.

    Args:
        path: the file; readable by this user alone, as it names customers and blacklists.
        file: what the rows say.
        revision: as of which they were read.
        read_us: when, microseconds since the epoch.

    Raises:
        ConfigError: it cannot be written; the one before is as it was.
    """
    body = text_of(file).encode()
    head = (
        f"# callcontrol reference, format {_FORMAT}, revision {revision},"
        f" read {read_us}, sha256 {hashlib.sha256(body).hexdigest()}\n"
    )
    beside = path.with_name(f"{path.name}.new")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(head.encode() + body)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc


def head_of(path: Path) -> KeptHead:
    """Read the first line alone.

    Raises:
        ConfigError: there is no such file, or it is none of ours.
    """
    try:
        with path.open("rb") as file:
            return _head(path, file.readline(1000))
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc


def read_kept(path: Path, *, at: datetime, prefixes: tuple[str, ...] = ()) -> Built:
    """Build the reference that was kept; blocks.

    Args:
        path: the file.
        at: the aware instant from which prices must be lawful and tariffs valid.
        prefixes: technical prefixes that may precede a called number.

    Returns:
        The reference, with its faults; `loaded_at` is when it was read from Postgres.

    Raises:
        ConfigError: there is none, it was changed, or it is of another version.
    """
    try:
        first, _, body = path.read_bytes().partition(b"\n")
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    head = _head(path, first)
    if hashlib.sha256(body).hexdigest() != head.sha256:
        raise ConfigError(f"{path}: is damaged, or was edited: its hash is another")
    parsed = parse_yaml(body.decode())
    try:
        file = ReferenceFile.model_validate(parsed.value or {})
    except ValidationError as exc:
        raise ConfigError(f"{path}: was written by another version of this program") from exc
    built = ReferenceBuilder(prefixes=prefixes).build(file, at=at, revision=str(head.revision))
    return replace(built, reference=replace(built.reference, loaded_at=at_of(head.read_us)))


def _head(path: Path, line: bytes) -> KeptHead:
    found = _HEAD.fullmatch(line.decode("utf-8", "replace").strip())
    if found is None:
        raise ConfigError(f"{path}: is no reference that was kept")
    if int(found["format"]) != _FORMAT:
        raise ConfigError(f"{path}: was written by another version of this program")
    return KeptHead(
        revision=int(found["revision"]),
        read_us=int(found["read_us"]),
        sha256=found["sha256"],
    )
