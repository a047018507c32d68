"""What a call costs against the size of things, as a table and an SVG plot.

    python -m bench.cost [--quick] [--svg docs/cost.svg]

Each point is `bench.whole_engine` at a steady rate: CPU of all the engine's processes, a call.
Whatever else runs on the machine raises it, by what it does to the caches.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.whole_engine import Size, measure

PER_SECOND = 50
GROWING: Mapping[str, Sequence[int]] = {
    "workers": (1, 2, 4),
    "numbers": (0, 1_000, 10_000, 100_000),
    "lines": (0, 10_000, 100_000, 1_000_000),
    "up": (0, 1_000, 5_000, 10_000),
}
TITLES = {
    "workers": "workers",
    "numbers": "numbers",
    "lines": "lines of the blacklist",
    "up": "calls in progress",
}
_WIDTH, _HEIGHT, _LEFT, _TOP = 250, 130, 45, 35

Point = tuple[int, float]


def points(name: str, calls: int, *, most: int) -> Iterator[Point]:
    """Measure at each size that is not above the most."""
    for size in GROWING[name]:
        if size <= most:
            figures = measure(
                calls=calls, per_second=PER_SECOND, size=replace(Size(), **{name: size})
            )
            yield size, figures.cpu_ms


def plot(lines: Mapping[str, Sequence[Point]]) -> str:
    """Draw one panel for each thing that grows, all to the same height."""
    top_ms = max((ms for line in lines.values() for _, ms in line), default=1) * 1.15
    panels = "".join(
        _panel(TITLES[name], line, top_ms, _LEFT + index * (_WIDTH + _LEFT))
        for index, (name, line) in enumerate(lines.items())
    )
    width, height = len(lines) * (_WIDTH + _LEFT) + _LEFT, _HEIGHT + 2 * _TOP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' font-family="sans-serif" font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="white"/>\n{panels}</svg>\n'
    )


def _panel(title: str, line: Sequence[Point], top_ms: float, left: float) -> str:
    """Draw a line; sizes are set apart evenly, because they grow tenfold."""
    step = _WIDTH / max(len(line) - 1, 1)
    places = [
        (left + index * step, _TOP + _HEIGHT * (1 - ms / top_ms))
        for index, (_, ms) in enumerate(line)
    ]
    path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
    marks = "".join(
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3" fill="#1f6feb"/>'
        f'<text x="{x:.0f}" y="{y - 7:.0f}" text-anchor="middle">{ms:.2f}</text>'
        f'<text x="{x:.0f}" y="{_TOP + _HEIGHT + 14}" text-anchor="middle">{size:,}</text>\n'
        for (x, y), (size, ms) in zip(places, line, strict=True)
    )
    base = _TOP + _HEIGHT
    return (
        f'<text x="{left}" y="16" font-weight="bold">ms CPU a call, by {title}</text>\n'
        f'<path d="M{left},{_TOP} V{base} H{left + _WIDTH}" fill="none" stroke="#888"/>\n'
        f'<polyline points="{path}" fill="none" stroke="#1f6feb" stroke-width="2"/>\n{marks}'
    )


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few calls, the smaller sizes")
    parser.add_argument("--svg", type=Path, help="where the plot goes")
    wanted = parser.parse_args()
    calls, most = (200, 1_000) if wanted.quick else (1_000, 1_000_000)
    lines = {}
    for name in GROWING:
        lines[name] = []
        for size, ms in points(name, calls, most=most):
            lines[name].append((size, ms))
            print(f"{TITLES[name]:24}{size:>10,}  {ms:.2f} ms CPU a call", flush=True)
    if wanted.svg is not None:
        wanted.svg.write_text(plot(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
