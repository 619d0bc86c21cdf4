"""The gate's verdict as one self-contained page, and as the facts of its step."""

from html import escape

SHOWN = ("cpu_ms_candidate", "cpu_ms_baseline", "latency_ratio", "checked_pairs")
SHOWN += ("checked_right_candidate", "checked_right_baseline")
STYLE = "body{font:14px sans-serif;margin:2em}td,th{padding:2px 10px;text-align:right}th{border-bottom:1px solid #999}"


def gate_page(verdict: dict, baseline_name: str) -> str:
    """A page with the verdict, its reasons, metrics and slices with intervals, and both confusion matrices."""
    metrics = [
        [
            name,
            f"{verdict['metrics']['candidate'][name]:.4f}",
            f"{verdict['metrics']['baseline'][name]:.4f}",
            *_gap(gap),
        ]
        for name, gap in verdict["differences"].items()
    ]
    slices = [
        [part["slice"], part["value"], part["rows"], f"{part['candidate']:.4f}", f"{part['baseline']:.4f}", *_gap(part)]
        for part in verdict["slices"]
    ]
    gaps = ["difference", "low", "high"]
    parts = [
        f"<h1>Gate: {escape(verdict['verdict'])}</h1>",
        f"<p>{escape(verdict['candidate_version'])} against {escape(baseline_name)} on {verdict['rows']} rows of "
        f"{verdict['queries']} queries.</p>",
        "<ul>" + "".join(f"<li>{escape(reason)}</li>" for reason in verdict["reasons"]) + "</ul>",
        "<h2>Metrics</h2>" + _table(["metric", "candidate", "baseline", *gaps], metrics),
        "<h2>Accuracy by slice</h2>" + _table(["slice", "value", "rows", "candidate", "baseline", *gaps], slices),
    ]
    if verdict["beside"]:
        said = [[name.replace("_", " "), value] for name, value in verdict["beside"].items() if name in SHOWN]
        parts.append("<h2>Asked the same in turn</h2>" + _table(["what", ""], said))
        lost = "".join(f"<li>{escape(pair)}</li>" for pair in verdict["beside"]["checked_lost"])
        parts.append(f"<p>Hand-checked pairs that the baseline has right and the candidate wrong:</p><ul>{lost}</ul>")
    for name, matrix in verdict["confusion"].items():
        rows = [[label, *counts] for label, counts in zip(verdict["labels"], matrix, strict=True)]
        parts.append(f"<h2>Confusion of the {name}</h2>" + _table(["label \\ predicted", *verdict["labels"]], rows))
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>" + "".join(parts)


def gate_facts(verdict: dict, baseline_name: str) -> dict:
    """What the step says of itself."""
    macro_f1 = {name: metrics["macro_f1"] for name, metrics in verdict["metrics"].items()}
    counts = {"rows_in": verdict["rows"], "rows_out": verdict["rows"], "set_aside": 0}
    figure = f"{verdict['verdict']}: macro-F1 {macro_f1['candidate']:.3f} against {macro_f1['baseline']:.3f}"
    numbers = {f"candidate_{name}": value for name, value in verdict["metrics"]["candidate"].items()}
    return counts | {"figure": figure, "baseline_name": baseline_name} | numbers | verdict


def _gap(part: dict) -> list[str]:
    return [f"{part[name]:+.4f}" for name in ("difference", "low", "high")]


def _table(head: list[str], rows: list[list]) -> str:
    cells = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><tr>{names}</tr>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
