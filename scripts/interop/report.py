"""Prints one table of what was checked, by which implementation, in which run. Usage: report.py NAME=FOLDER …"""

import json
import sys
from pathlib import Path


def main() -> None:
    runs = dict(argument.split("=", 1) for argument in sys.argv[1:])
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for run, folder in runs.items():
        for name in ("python.json", "go.json"):
            for what, by, count in json.loads((Path(folder) / name).read_text()):
                counts.setdefault((by, what), {})[run] = count
    # By implementation, in the order in which each first appears.
    order = list(dict.fromkeys(by for by, _ in counts))
    rows = sorted(counts, key=lambda row: order.index(row[0]))
    by_width = max(len(by) for by, _ in rows)
    width = max(len(what) for _, what in rows)
    print(f"{'checked by':<{by_width}}  {'what':<{width}}" + "".join(f"  {run:>10}" for run in runs))
    shown = None
    for row in rows:
        by, what = row
        cells = "".join(f"  {counts[row].get(run, 0):>10}" for run in runs)
        print(f"{by if by != shown else '':<{by_width}}  {what:<{width}}{cells}")
        shown = by
    totals = [sum(found.get(run, 0) for found in counts.values()) for run in runs]
    print(f"{'':<{by_width}}  {'all':<{width}}" + "".join(f"  {total:>10}" for total in totals))


if __name__ == "__main__":
    main()
