#!/usr/bin/env python3
"""A small stock book for a village shop.

Reads lines such as ``12 jar  plum jam  3.40`` and keeps a running total.
Run it with a file name, or with no arguments to see the built-in sample.
"""
from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Iterable, Iterator

LINE = re.compile(
    r"""^\s*(?P<count>[+-]?\d+)   # how many came in (or went out, with a minus)
        \s+(?P<unit>\w+)          # jar, box, crate ...
        \s+(?P<name>.+?)          # the name may hold spaces
        \s+(?P<price>\d+\.\d{2})  # price of one, in euros
        \s*(?:\#.*)?$""",
    re.VERBOSE,
)

SAMPLE = """\
12 jar  plum jam        3.40
 6 box  matches         0.85   # the long ones
20 bag  flour, rye      1.95
-5 jar  plum jam        3.40   # sold on Saturday
 3 tin  café crème      7.25
two jar  honey          6.00
"""

LOW_WATER_MARK = 0x04  # warn below this many


class BadLine(ValueError):
    """Raised when a line can't be read; keeps the line number."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(f"line {number}: can't read {text!r}")
        self.number = number


@dataclass(order=True)
class Item:
    name: str
    unit: str = field(compare=False)
    price: Decimal = field(compare=False)
    count: int = field(default=0, compare=False)

    @property
    def value(self) -> Decimal:
        return (self.price * self.count).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def __str__(self) -> str:
        return f"{self.name:<20.20} {self.count:>5} {self.unit:<6}{self.value:>10}"


def parse(lines: Iterable[str]) -> Iterator[Item | BadLine]:
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\r\n")
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if (m := LINE.match(text)) is None:
            yield BadLine(number, text)
            continue
        yield Item(m["name"], m["unit"], Decimal(m["price"]), int(m["count"]))


class Stock:
    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._history: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, item: Item) -> None:
        known = self._items.setdefault(item.name, Item(item.name, item.unit, item.price))
        if known.count + item.count < 0:
            raise ValueError(f"only {known.count} of {item.name!r} left")
        known.count += item.count
        known.price = item.price
        self._history[item.name].append(item.count)

    def __iter__(self) -> Iterator[Item]:
        return iter(sorted(self._items.values()))

    def __len__(self) -> int:
        return len(self._items)

    def low(self) -> list[str]:
        return [i.name for i in self if i.count < LOW_WATER_MARK]

    def total(self) -> Decimal:
        return sum((i.value for i in self), Decimal(0))


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("-q", "--quiet", action="store_true", help="print the total only")
    args = parser.parse_args(argv)

    text = args.file.read_text(encoding="utf-8") if args.file else SAMPLE
    stock, errors = Stock(), 0
    for entry in parse(text.splitlines()):
        match entry:
            case BadLine():
                print(f"warning: {entry}", file=sys.stderr)
                errors += 1
            case Item():
                stock.add(entry)

    if not args.quiet:
        print(*stock, sep="\n")
        print("-" * 43)
    print(f"{len(stock)} kinds of goods, total \u20ac{stock.total():,}")
    for name in stock.low():
        print(f"\tlow: {name}")
    return 1 if errors else 0


if __name__ == "__main__":
    raise SystemExit(main())
