"""The report of a run: whole, partial, hostile, and without a fetch."""

import re

import pytest

from pipelines.report.charts import Line, intervals, lines
from pipelines.report.report import examples, gate, write_report

LIFT = {"estimate": 0.0142, "low": -0.01, "high": 0.04, "half_width": 0.025}
EXAMPLE = {
    "query": "tea cup",
    "title": "<script>alert(1)</script>",
    "label": "Exact",
    "rationales": {
        "attributes": "<attributes> A cup.\nLabel: Exact",
        "user_intent": "<user_intent> Tea.\nLabel: Irrelevant",
    },
}
FACTS = {
    "prepare judgements": {
        "rows_in": 3,
        "rows_out": 2,
        "quarantined": 1,
        "labels": {"Exact": 2},
        "splits": {"train": 2},
    },
    "gather samples": {"rows_in": 2, "rows_out": 2, "quarantined": 0, "examples": [EXAMPLE]},
    "fine-tune teacher (SFT)": {"labels": {"Exact": 4}, "right_by_label": {"Exact": 9}},
    "optimise teacher (DPO)": {"balance": {"Exact, user_intent": 5}},
    "distil student (LRKD)": {"history": [{"step": 1, "cross_entropy": 1.4, "alignment": 0.0}]},
    "score candidate": {"rows_in": 2, "accuracy": 0.5, "macro_f1": 0.25, "confusion": [[1, 1, 0, 0]] + [[0] * 4] * 3},
}
LOOK = {
    "verdict": "continue",
    "reason": "no answer yet",
    "figures": {"share": 0.5, "rpm_lift": LIFT, "over_time": [None, LIFT], "arms": {"control": {"rpm": 50.0}}},
}
SUMMARY = {
    "profile": "smoke",
    "began": "2026-11-23T05:32:10+00:00",
    "sentence": "RPM is higher: lift +1.42%",
    "decision": "promote",
    "cost": {"wall_seconds": 525.0, "cpu_seconds": 741.4, "peak_memory_gb": 3.72, "load_average": 1.3},
    "steps": [{"title": name, "seconds": 2.0, "cached": False, "facts": facts} for name, facts in FACTS.items()],
    "experiment": [{"decide-experiment": {"look": LOOK}}],
}


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(SUMMARY, path)
    return path.read_text()


def written(summary: dict, tmp_path) -> str:
    write_report(summary, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text()


def test_the_page_opens_with_the_decision_in_words_the_sentence_and_the_cost(page):
    for words in ("Promoted: the candidate now serves everybody", "lift +1.42%", "9 min", "3.72 GiB"):
        assert words in page


def test_it_says_what_the_teacher_was_tuned_on(page):
    assert re.search(r"Exact</th><td[^>]*>4 of 9<", page) and re.search(r"Exact, user intent</th><td[^>]*>5<", page)


def test_a_hostile_title_is_text_and_no_script(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_nothing_is_fetched(page):
    assert not re.search(r"""(src|href|srcset)\s*=\s*["']?\s*(https?:)?//|url\(|@import""", page)
    assert "default-src 'none'" in page


def test_each_chart_is_there_once_for_a_light_page_and_once_for_a_dark_one(page):
    charts = re.findall(r'srcset="(data:image/svg\+xml;base64,\S+)">\s*<img src="(\S+)"', page)
    assert len(charts) == 2  # the student's cross-entropy and the lift over time
    assert all(dark != light for dark, light in charts)


def test_a_run_that_reached_nothing_says_so_in_every_section(tmp_path):
    page = written({"profile": "smoke"}, tmp_path)
    assert page.count("Not reached.") == page.count("<section") == 7
    assert "The run ended before a decision" in page


@pytest.mark.parametrize("left_out", [*SUMMARY, *FACTS])
def test_any_part_of_the_summary_may_be_missing(left_out, tmp_path):
    steps = [step for step in SUMMARY["steps"] if step["title"] != left_out]
    rest = {name: value for name, value in (SUMMARY | {"steps": steps}).items() if name != left_out}
    assert "</html>" in written(rest, tmp_path)


def test_any_figure_of_a_step_may_be_missing(tmp_path):
    steps = [
        {"title": title, "facts": {}}
        for title in (*FACTS, "gate candidate", "gather final rationales", "report teacher", "audit labels")
    ]
    assert "</html>" in written({"profile": "smoke", "steps": steps}, tmp_path)


def test_a_held_candidate_is_said_to_be_held(tmp_path):
    summary = {"decision": "hold", "sentence": "The gate said hold: more rows would tell."}
    page = written(summary, tmp_path)
    assert "Held: the gate did not let the candidate through" in page
    assert "The gate said hold: more rows would tell." in page


def test_a_rationale_is_right_where_it_ends_in_the_judged_label_and_conflicts_come_first():
    agreed = EXAMPLE | {"rationales": {"attributes": "<attributes> A cup.\nLabel: Exact"}}
    first, second = examples({"examples": [agreed, EXAMPLE]})
    assert first["conflict"] and not second["conflict"]
    assert first["rationales"]["attributes"] == {"text": "A cup.", "label": "Exact", "right": True}
    assert first["rationales"]["user_intent"] == {"text": "Tea.", "label": "Irrelevant", "right": False}


def test_a_larger_calibration_error_is_worse_and_a_larger_accuracy_is_better():
    found = {"difference": 0.1, "low": 0.05, "high": 0.2}
    values = {"accuracy": 0.5, "calibration_error": 0.3}
    said = {"rows": 9, "metrics": {"candidate": values}, "differences": dict.fromkeys(values, found)}
    assert [part["side"] for part in gate(said)["parts"]] == ["better", "worse"]
    assert [part["high_at"] for part in gate(said)["parts"]] == [98, 98]


def test_zeros_that_mean_nothing_was_measured_are_no_points():
    entries = [{"step": 1, "alignment": 0.0}, {"step": 2, "alignment": 1.03}, {"step": 3}]
    line = Line.of("LRKD", "candidate", entries, "alignment", zeros=False)
    assert line.points == ((2, 1.03),)
    assert lines([Line.of("loss", "candidate", [], "loss")]) is None


def test_early_intervals_that_dwarf_the_last_are_cut_off():
    wide = LIFT | {"low": -9.0, "high": 9.0}
    assert intervals([wide, LIFT])["cut_off"] and not intervals([LIFT, LIFT])["cut_off"]
    assert intervals([None, None]) is None


def test_a_steps_warning_stands_at_the_top(tmp_path):
    warned = {"title": "optimise teacher (DPO)", "seconds": 2.0, "cached": False, "facts": {"warning": "no gain <b>"}}
    write_report(SUMMARY | {"steps": [*SUMMARY["steps"], warned]}, tmp_path / "report.html")
    assert "Warning of “optimise teacher (DPO)”: no gain &lt;b&gt;" in (tmp_path / "report.html").read_text()
    write_report(SUMMARY, tmp_path / "report.html")
    assert "Warning of" not in (tmp_path / "report.html").read_text()
