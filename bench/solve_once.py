"""One CHITA-BSO solve with numpy, as solve-once.mjs does it: the same rows, weights and system, in f32 or f64.

    python3 bench/solve_once.py '{"n":...,"widths":[...],"k":...,"rows":FILE,"weights":FILE,"type":"f64"}'
"""
import json
import resource
import sys
import time

import numpy as np

asked = json.loads(sys.argv[1])
n, k, mu = asked["n"], asked["k"], asked["n"] * asked.get("lambda", 1e-3)
with open(asked["rows"], "rb") as file:
    panels = [np.fromfile(file, "f4", n * width).reshape(n, width) for width in asked["widths"]]
A = np.concatenate(panels, axis=1)
del panels
w_bar = np.fromfile(asked["weights"], "f8")
kind = np.float32 if asked["type"] == "f32" else np.float64


def in_parts(function):
    """Sums function(columns) over runs of columns, so that nothing of A is widened at once."""
    return sum(function(slice(start, start + 8192)) for start in range(0, A.shape[1], 8192))


def objective(w):
    delta = w - w_bar
    product = in_parts(lambda part: A[:, part].astype(np.float64) @ delta[part])
    return product @ product / 2 + mu / 2 * delta @ delta


start = time.perf_counter()
keep = np.zeros(w_bar.size, bool)
keep[np.argpartition(-np.abs(w_bar), k)[:k]] = True
S = A[:, keep].astype(kind)
K = S @ S.T + kind(mu) * np.eye(n, dtype=kind)
pruned = A[:, ~keep].astype(kind) @ w_bar[~keep].astype(kind)
w = np.zeros_like(w_bar)
w[keep] = w_bar[keep] + S.T @ np.linalg.solve(K, pruned)
found = objective(w.astype(np.float32).astype(np.float64))
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "objective": found, "peakRssMB": peak}))
