"""What ir-measures and ppi-python compute, in an environment of their own: `PYTHON bench/workbench/oracle.py`.

Reads a JSON request from standard input, and writes JSON. Imports nothing of this project.
"""

import json
import sys


def measure_run(request: dict) -> dict:
    """Return each query's NDCG, average precision, reciprocal rank and precision, by ir-measures."""
    import ir_measures
    from ir_measures import AP, RR, P, nDCG

    k = request["k"]
    names = {str(nDCG @ k): "ndcg", str(AP): "average_precision", str(RR): "reciprocal_rank", str(P @ k): "precision"}
    qrels = ir_measures.read_trec_qrels(request["qrels"])
    run = ir_measures.read_trec_run(request["run"])
    values: dict[str, dict[str, float]] = {}
    for metric in ir_measures.iter_calc([nDCG @ k, AP, RR, P @ k], qrels, run):
        values.setdefault(metric.query_id, {})[names[str(metric.measure)]] = metric.value
    return values


def estimate_mean(request: dict) -> dict:
    """Return the mean by ppi-python, with the teacher's weight that it is told."""
    import numpy as np
    from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

    labels = [np.array(request[name]) for name in ("human", "teacher", "teacher_alone")]
    estimate = float(np.squeeze(ppi_mean_pointestimate(*labels, lam=request["weight"])))
    low, high = ppi_mean_ci(*labels, alpha=request["alpha"], lam=request["weight"])
    return {"estimate": estimate, "low": float(np.squeeze(low)), "high": float(np.squeeze(high))}


if __name__ == "__main__":
    REQUEST = json.load(sys.stdin)
    json.dump({"run": measure_run, "mean": estimate_mean}[REQUEST["what"]](REQUEST), sys.stdout)
