"""python -m sample: writes the made-up sources' files for a range of days."""

import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import date
from pathlib import Path

from sample import EPOCH, write


def main() -> int:
    """Write the files and print a line per feed; 0 done, 2 wrong usage."""
    parser = _parser()
    wish = parser.parse_args()
    try:
        written = write(wish.landing, wish.first, wish.last, wish.seed, wish.customers)
    except ValueError as error:
        parser.error(str(error))
    for feed, days in written.rows.items():
        broken = sum(row.feed == feed for row in written.broken)
        print(f"{feed:15} {len(days):4} files {sum(days.values()):7} rows {broken:4} of them broken")
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "python -m sample",
        description="Write a made-up call centre's files, a folder per feed and day. The first day brings "
        "all customers, cards, agents, recent tickets and do-not-call entries known by then, later days "
        "the changes.",
    )
    parser.add_argument("--landing", type=Path, required=True, help="folder below which <feed>/ds=<day>/ is written")
    parser.add_argument("--from", dest="first", type=_day, required=True, help=f"first day, {EPOCH} or later")
    parser.add_argument("--to", dest="last", type=_day, required=True, help="last day, included")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another world (default %(default)s)")
    parser.add_argument("--customers", type=int, default=300, help="how many there are (default %(default)s)")
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"expected a day such as 2026-01-31, found {text}") from None


if __name__ == "__main__":
    sys.exit(main())
