"""python tests/bench"""

import argparse, sys
from math import prod
from cases import build_case
from sampling import measure, workers
from workloads import build, names, RAW_BYTES


def gm(xs):
    xs = list(xs)
    return prod(xs) ** (1 / len(xs))


p = argparse.ArgumentParser()
p.add_argument("--quick", action="store_true")
p.add_argument("--rounds", type=int, default=11)
p.add_argument("--format", default="jsonl")
p.add_argument("--only", default="")
p.add_argument("--candidates", default="baseline,handler")
a = p.parse_args()
rounds = 5 if a.quick else a.rounds
cands = a.candidates.split(",")
rows = []
with workers(cands) as ws:
    for name in names():
        if a.only not in name:
            continue
        w = build(name)
        r = measure(build_case(w, a.format), cands, ws, rounds)
        h, b = r["handler"], r.get("baseline", r["handler"])
        rows.append(
            (
                h.whole_x_floor,
                b.whole_x_floor,
                b.handler_x_floor / h.handler_x_floor,
                [r[c].whole_x_floor for c in cands],
            )
        )
        print(
            f"{name:14s} floor {h.floor_s * 1e3:6.1f} ms  handler {h.handler_s * 1e3:6.1f}  whole x floor {h.whole_x_floor:5.2f}  baseline {b.whole_x_floor:5.2f}  faster {rows[-1][2]:5.2f}  MB/s {w.raw_bytes / h.handler_s / 1e6:5.0f}  exact {h.is_exact} {b.is_exact}",
            [f"{x:.2f}" for x in rows[-1][3]],
            flush=True,
        )
print(
    f"geometric mean whole {gm(r[0] for r in rows):.2f} (worst {max(r[0] for r in rows):.2f})  baseline {gm(r[1] for r in rows):.2f}  faster {gm(r[2] for r in rows):.2f} (worst {min(r[2] for r in rows):.2f})",
    [f"{gm(r[3][i] for r in rows):.2f}" for i in range(len(cands))],
)
