"""Prints one table of what was checked, by which implementation, in which run. Usage: report.py NAME=FOLDER …

Of each count, the second number is how often something was tampered with on purpose, and refused.
"""

import json
import sys
from pathlib import Path


def main() -> None:
    runs = dict(argument.split("=", 1) for argument in sys.argv[1:])
    counts: dict[tuple[str, str], dict[str, list[int]]] = {}
    for run, folder in runs.items():
        for name in ("python.json", "go.json"):
            for what, by, held, refused in json.loads((Path(folder) / name).read_text()):
                counts.setdefault((by, what), {})[run] = [held, refused]
    # By implementation, in the order in which each first appears.
    order = list(dict.fromkeys(by for by, _ in counts))
    rows = sorted(counts, key=lambda row: order.index(row[0]))
    by_width = max(len(by) for by, _ in rows)
    width = max(len(what) for _, what in rows)
    print(f"{'checked by':<{by_width}}  {'what':<{width}}" + "".join(f"{run:>13} refused" for run in runs))
    shown = None
    for row in rows:
        by, what = row
        cells = [counts[row].get(run, [0, 0]) for run in runs]
        numbers = "".join(f"{held:>13}{refused or '':>8}" for held, refused in cells)
        print(f"{by if by != shown else '':<{by_width}}  {what:<{width}}{numbers}")
        shown = by
    totals = [[sum(c.get(run, [0, 0])[i] for c in counts.values()) for i in (0, 1)] for run in runs]
    print(f"{'':<{by_width}}  {'all':<{width}}" + "".join(f"{held:>13}{refused:>8}" for held, refused in totals))


if __name__ == "__main__":
    main()
