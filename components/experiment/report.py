"""One look at an experiment as a self-contained page, and as the facts of its step."""

import json
from html import escape

STYLE = "body{font:14px sans-serif;margin:2em}td,th{padding:2px 10px;text-align:right}th{border-bottom:1px solid #999}"
WIDTH, HEIGHT = 640, 220


def experiment_page(verdict: dict) -> str:
    """A page with the decision and its reason, the arms, the intervals over time, the checks and the accounts."""
    figures = verdict["figures"]
    parts = [f"<h1>Experiment: {escape(verdict['verdict'])}</h1><p>{escape(verdict['reason'])}</p>"]
    if figures:
        head = ["arm", *next(iter(figures["arms"].values()), {})]
        arms = [[arm, *(f"{value:,.4g}" for value in values.values())] for arm, values in figures["arms"].items()]
        versions = [[version, _text(found)] for version, found in verdict["requests"].items()]
        checks = ("share", "looks", "rpm_lift", "rs_difference", "pre_period_rpm_lift", "srm_p_value", "disagreements")
        checks += ("crossover", "guardrails")
        parts += [
            f"<p>{escape(verdict['experiment_id'])}, RPM in {escape(verdict['currency'] or 'currency units')}</p>",
            _table(head, arms),
            "<h2>RPM lift over time, always-valid interval</h2>" + _chart(figures["over_time"]),
            "<h2>Checks</h2>" + _table(["check", "value"], [[name, _text(figures[name])] for name in checks]),
            "<h2>By version</h2>" + _table(["version", "figures"], versions),
            f"<h2>Exposures</h2><p>{verdict['exposures']} logged, {verdict['used']} used</p>"
            + _table(["set aside because", "rows"], [list(entry) for entry in verdict["set_aside"].items()]),
        ]
    return f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>" + "".join(parts)


def logs_facts(evidence: dict) -> dict:
    """What the step that collects the logs says."""
    used, exposures = evidence["used"], evidence["exposures"]
    figure = f"{used} of {exposures} exposures used" if evidence["experiment_id"] else "no experiment is running"
    return {
        "rows_in": exposures,
        "rows_out": used,
        "set_aside": exposures - used,
        "figure": figure,
        "evidence": evidence,
    }


def verdict_facts(verdict: dict) -> dict:
    """What the step that decides says."""
    users = sum(verdict["figures"].get("users", {}).values())
    figure = f"{verdict['verdict']}: {verdict['reason']}"
    return {"rows_in": users, "rows_out": users, "set_aside": 0, "figure": figure, "look": verdict}


def _chart(intervals: list[dict | None]) -> str:
    """The interval at each cut as a vertical bar with its estimate, and the line of no lift."""
    known = [(at, interval) for at, interval in enumerate(intervals) if interval]
    if not known:
        return "<p>No interval can be drawn yet.</p>"
    reach = max(max(abs(interval["low"]), abs(interval["high"])) for _, interval in known) or 1.0
    marks = [f"<line x1=0 x2={WIDTH} y1={HEIGHT / 2} y2={HEIGHT / 2} stroke='#999'/>"]
    for at, interval in known:
        x = (at + 0.5) * WIDTH / len(intervals)
        low, high, estimate = (HEIGHT / 2 * (1 - interval[name] / reach) for name in ("low", "high", "estimate"))
        marks.append(f"<line x1={x} x2={x} y1={low:.1f} y2={high:.1f} stroke='#06c' stroke-width=4 />")
        marks.append(f"<circle cx={x} cy={estimate:.1f} r=5 fill='#003' />")
    return f"<svg width={WIDTH} height={HEIGHT}>{''.join(marks)}</svg><p>Full height: plus and minus {reach:.1%}.</p>"


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)


def _table(head: list[str], rows: list[list]) -> str:
    cells = ["".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows]
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    return f"<table><tr>{names}</tr>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
