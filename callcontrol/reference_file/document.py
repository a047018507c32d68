"""The reference file as a document: text to entries and back, every fault with its line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.reference_file.build import ReferenceBuilder
from callcontrol.reference_file.model import ReferenceFile
from callcontrol.reference_file.scalars import plain
from callcontrol.reference_file.wording import faults_of
from callcontrol.reference_file.yaml_text import Parsed, Plain, parse_yaml, yaml_of
from dialplan import Fault, category_of, parse_number_or_none, printed

_MOST_BYTES = 64 << 20


def read_reference_file(
    path: Path, *, at: datetime, prefixes: tuple[str, ...] = ()
) -> tuple[ReferenceFile, Reference]:
    """Read a reference file and check everything about it.

    Args:
        path: the file, UTF-8, one YAML document.
        at: the aware instant from which prices must be lawful and tariffs valid.
        prefixes: technical prefixes that may precede a called number.

    Raises:
        ConfigError: a sentence for each fault, with file, line and path.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as exc:
        raise ConfigError(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path}: not UTF-8 text") from exc
    if len(content) > _MOST_BYTES:
        raise ConfigError(f"{path}: larger than {_MOST_BYTES >> 20} MiB")
    return parse_reference(text, name=str(path), at=at, prefixes=prefixes)


def parse_reference(
    text: str, *, name: str, at: datetime, prefixes: tuple[str, ...] = ()
) -> tuple[ReferenceFile, Reference]:
    """Check the text of a reference file; `name` is what its faults are told with.

    Raises:
        ConfigError: as `read_reference_file`.
    """
    parsed = parse_yaml(text)
    if not parsed.faults and parsed.value is None:
        parsed.faults.append("is empty")
    if parsed.faults:
        raise ConfigError(*(f"{name}: {fault}" for fault in parsed.faults))
    try:
        file = ReferenceFile.model_validate(parsed.value)
    except ValidationError as exc:
        raise _refused(name, parsed, faults_of(exc)) from exc
    spelled, twice = _spelled(parsed.value)
    if twice:
        raise _refused(name, parsed, twice)
    built = ReferenceBuilder(prefixes=prefixes).build(file, at=at)
    if built.faults:
        raise _refused(name, parsed, (_as_spelled(fault, spelled) for fault in built.faults))
    return canonical(file), built.reference


def text_of(file: ReferenceFile) -> str:
    """Write entries as the text of a reference file, without what is as it is by default."""
    contents = file.model_dump(exclude_defaults=True)
    if "numbers" in contents:
        contents["numbers"] = {
            printed(number): entry for number, entry in contents["numbers"].items()
        }
    return yaml_of(plain(contents))


def canonical(file: ReferenceFile) -> ReferenceFile:
    """Give the same entries in the one order in which equal references are equal."""
    return ReferenceFile.model_construct(
        gateways=dict(sorted(file.gateways.items())),
        operators=dict(sorted(file.operators.items())),
        customers=dict(sorted(file.customers.items())),
        tariffs={
            name: tuple(sorted(tables, key=lambda table: _instant(table.valid_from)))
            for name, tables in sorted(file.tariffs.items())
        },
        numbers={
            number: entry.model_copy(
                update={
                    "category": entry.category or category_of(number),
                    "scheduled": tuple(sorted(entry.scheduled, key=lambda change: change.at)),
                }
            )
            for number, entry in sorted(file.numbers.items())
        },
        blacklist=tuple(sorted(file.blacklist, key=lambda line: line.key)),
    )


def _instant(at: datetime | None) -> float:
    return at.timestamp() if at is not None else float("-inf")


def _refused(name: str, parsed: Parsed, faults: Iterable[Fault]) -> ConfigError:
    sentences = []
    for fault in faults:
        line = parsed.line_of(fault.path)
        sentences.append(f"{name}:{line}: {fault}" if line else f"{name}: {fault}")
    return ConfigError(*sentences)


def _spelled(value: Plain) -> tuple[dict[str, str], list[Fault]]:
    """Give how the file spells each number, and the numbers it has twice in two spellings."""
    spelled: dict[str, str] = {}
    twice = []
    numbers = value.get("numbers") if isinstance(value, dict) else None
    for key in numbers if isinstance(numbers, dict) else ():
        number = parse_number_or_none(key) or key
        if number in spelled:
            message = f"is the same number as {spelled[number]}"
            twice.append(Fault(path=f"numbers.{key}", message=message))
        spelled[number] = key
    return spelled, twice


def _as_spelled(fault: Fault, spelled: dict[str, str]) -> Fault:
    section, _, rest = fault.path.partition(".")
    number, _, field = rest.partition(".")
    if section != "numbers" or number not in spelled:
        return fault
    return Fault(path=field, message=fault.message).under(f"numbers.{spelled[number]}")
