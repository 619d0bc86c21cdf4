"""The report of a run: whole, partial, hostile, and without a fetch."""

import re

import pytest

from components.charts import Line, interval_chart, line_chart
from pipelines.report.models_view import describe_gate
from pipelines.report.overview import warn_of_plain_student, warn_of_second_opinion, warn_of_teacher
from pipelines.report.report import build_view, write_report
from pipelines.report.training_view import list_examples

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
    "choose candidate": {"student": "LRKD", "sentence": "LRKD gains +0.01: it is the candidate", "metrics": {}},
    "score LRKD student": {
        "rows_in": 2,
        "accuracy": 0.5,
        "macro_f1": 0.25,
        "confusion": [[1, 1, 0, 0]] + [[0] * 4] * 3,
    },
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


def render_summary(summary: dict, tmp_path) -> str:
    write_report(summary, tmp_path / "report.html")
    return (tmp_path / "report.html").read_text()


def test_the_page_opens_with_decision_sentence_and_cost(page):
    for words in ("Promoted: the candidate now serves everybody", "lift +1.42%", "9 min", "3.72 GiB"):
        assert words in page


def test_it_says_what_tuned_the_teacher(page):
    assert re.search(r"Exact</th><td[^>]*>4 of 9<", page) and re.search(r"Exact, user intent</th><td[^>]*>5<", page)


def test_a_hostile_title_stays_text(page):
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page


def test_nothing_is_fetched(page):
    assert not re.search(r"""(src|href|srcset)\s*=\s*["']?\s*(https?:)?//|url\(|@import""", page)
    assert "default-src 'none'" in page


def test_each_chart_has_a_light_and_dark_version(page):
    charts = re.findall(r'srcset="(data:image/svg\+xml;base64,\S+)">\s*<img src="(\S+)"', page)
    assert len(charts) == 2  # the student's cross-entropy and the lift over time
    assert all(dark != light for dark, light in charts)


def test_the_gain_has_an_interval(tmp_path):
    gain = {"LRKD over plain": {"estimate": 0.01, "low": -0.02, "high": 0.04}}
    page = render_summary(SUMMARY | {"macro_f1": gain}, tmp_path)
    assert "LRKD over plain student: +0.010" in page and "(−0.020 to +0.040)" in page


def test_an_empty_run_says_so_in_every_section(tmp_path):
    page = render_summary({"profile": "smoke"}, tmp_path)
    assert page.count("Not reached.") == page.count("<h2>") - 1 == 8
    assert "Under way: no decision yet" in page and "Reload this page" in page


def test_a_stopped_run_names_the_way_on(tmp_path):
    page = render_summary({"profile": "smoke", "sentence": "Stopped: by a person"}, tmp_path)
    assert "The run ended before a decision" in page and "run the same command again" in page


@pytest.mark.parametrize("left_out", [*SUMMARY, *FACTS])
def test_any_part_of_the_summary_may_miss(left_out, tmp_path):
    steps = [step for step in SUMMARY["steps"] if step["title"] != left_out]
    rest = {name: value for name, value in (SUMMARY | {"steps": steps}).items() if name != left_out}
    assert "</html>" in render_summary(rest, tmp_path)


def test_any_figure_of_a_step_may_miss(tmp_path):
    steps = [
        {"title": title, "facts": {}}
        for title in (*FACTS, "gate candidate", "gather final rationales", "report teacher", "audit labels")
    ]
    assert "</html>" in render_summary({"profile": "smoke", "steps": steps}, tmp_path)


def test_a_held_candidate_is_called_held(tmp_path):
    summary = {"decision": "hold", "sentence": "The gate said hold: more rows would tell."}
    page = render_summary(summary, tmp_path)
    assert "Held: the gate did not let the candidate through" in page
    assert "The gate said hold: more rows would tell." in page


def test_right_rationales_are_marked_and_conflicts_lead():
    agreed = EXAMPLE | {"rationales": {"attributes": "<attributes> A cup.\nLabel: Exact"}}
    first, second = list_examples({"examples": [agreed, EXAMPLE]})
    assert first["conflict"] and not second["conflict"]
    assert first["rationales"]["attributes"] == {"text": "A cup.", "label": "Exact", "right": True}
    assert first["rationales"]["user_intent"] == {"text": "Tea.", "label": "Irrelevant", "right": False}


def test_a_larger_calibration_error_is_worse():
    found = {"difference": 0.1, "low": 0.05, "high": 0.2}
    values = {"accuracy": 0.5, "calibration_error": 0.3}
    facts = {"rows": 9, "metrics": {"candidate": values}, "differences": dict.fromkeys(values, found)}
    assert [part["side"] for part in describe_gate(facts)["parts"]] == ["better", "worse"]
    assert [part["high_at"] for part in describe_gate(facts)["parts"]] == [98, 98]


def test_zeros_of_unmeasured_terms_are_no_points():
    entries = [{"step": 1, "alignment": 0.0}, {"step": 2, "alignment": 1.03}, {"step": 3}]
    line = Line.from_entries("LRKD", "candidate", entries, "alignment", zeros=False)
    assert line.points == ((2, 1.03),)
    assert line_chart([Line.from_entries("loss", "candidate", [], "loss")]) is None


def test_early_wide_intervals_are_cut_off():
    wide = LIFT | {"low": -9.0, "high": 9.0}
    assert interval_chart([wide, LIFT])["cut_off"] and not interval_chart([LIFT, LIFT])["cut_off"]
    assert interval_chart([None, None]) is None


def test_a_steps_warning_is_at_the_top(tmp_path):
    warned = {"title": "optimise teacher (DPO)", "seconds": 2.0, "cached": False, "facts": {"warning": "no gain <b>"}}
    write_report(SUMMARY | {"steps": [*SUMMARY["steps"], warned]}, tmp_path / "report.html")
    assert "Warning of “optimise teacher (DPO)”: no gain &lt;b&gt;" in (tmp_path / "report.html").read_text()
    write_report(SUMMARY, tmp_path / "report.html")
    assert "Warning of" not in (tmp_path / "report.html").read_text()


def test_the_cards_show_candidate_and_baseline():
    facts = FACTS | {"package LRKD student": {"version": "v2"}, "score baseline": {"macro_f1": 0.2, "version": "v1"}}
    facts["score LRKD student"] = facts["score LRKD student"] | {"version": "v2"}
    steps = [{"title": name, "facts": one} for name, one in facts.items()]
    look = LOOK | {"requests": {"v2": {"latency_p99_ms": 31.0}, "v1": {"latency_p99_ms": 29.0}}}
    summary = {"steps": steps, "experiment": [{"decide-experiment": {"look": look}}]}
    cards = {card.title: (card.candidate, card.baseline) for card in build_view(summary)["overview"].cards}
    assert cards["macro-F1"] == ("0.250", "0.200") and cards["p99 latency, ms"] == ("31", "29")


def test_an_opposite_second_opinion_is_warned_of():
    opinion = {"compared": "disagrees", "interval": {"estimate": -0.2, "low": -0.3, "high": -0.1}}
    preference = {"verdict": "candidate's items are preferred", "second_opinion": opinion}
    assert "the opposite of “candidate's items are preferred”: -0.200" in warn_of_second_opinion(preference)[0]
    assert not warn_of_second_opinion(preference | {"second_opinion": opinion | {"compared": "agrees"}})
    assert not warn_of_second_opinion({})


def test_a_plain_student_that_wins_is_warned_of():
    gap = {"macro_f1": {"difference": -0.1, "low": -0.2, "high": 0.0}}
    choice = {"student": "plain", "sentence": "LRKD gains -0.1: the plain student is the candidate", "differences": gap}
    assert warn_of_plain_student(choice) == ["LRKD gains -0.1: the plain student is the candidate."]
    assert not warn_of_plain_student(choice | {"student": "LRKD"}) and not warn_of_plain_student({})
    assert not warn_of_plain_student(choice | {"differences": {}})  # no teacher qualified: that is the warning


def test_an_unqualified_teacher_is_warned_of():
    refused = {"rationales_refusal": "the teacher is poor", "headline": "the teacher is poor", "refusal": "poor"}
    (warning,) = warn_of_teacher(refused)
    assert warning == "The teacher is poor. No rationale was distilled: the plain student is the candidate."
    assert warn_of_teacher(refused | {"refusal": ""}) == ["The teacher is poor."]
    assert not warn_of_teacher({}) and not warn_of_teacher({"rationales_refusal": ""})


def test_the_page_shows_the_teachers_bounds(tmp_path):
    interval = {"estimate": 0.25, "low": 0.125, "high": 0.5}
    names = ("accuracy", "macro_f1", "kappa", "calibration_error")
    qualified = {
        "headline": "the teacher does not qualify: it is poor",
        "rationales_refusal": "the teacher does not qualify: it is poor",
        "refusal": "the teacher does not qualify: it is poor",
        "labels_refusal": "its labels stand in for no judgement",
        "measures": dict.fromkeys(names, interval),
        "pairs": 24,
        "commonest_label": "Exact",
        "seconds_per_1000_pairs": 90.0,
        **dict.fromkeys(("commonest_accuracy", "over_commonest", "student_accuracy", "over_student"), interval),
    }
    absent = {"absent": "the teacher does not qualify", "rows_in": 0, "rows_out": 0, "quarantined": 0}
    facts = FACTS | {"qualify teacher": qualified, "gather final rationales": absent, "score LRKD student": absent}
    steps = [{"title": name, "facts": values} for name, values in facts.items()]
    page = render_summary({"profile": "quick", "steps": steps}, tmp_path)
    for words in (
        "Does the teacher qualify?",
        "always “Exact”",
        "+25.0%",
        "0.25",
        "none: the teacher does not qualify",
    ):
        assert words in page, words
    assert "No rationale was distilled: the plain student is the candidate." in page


def test_unjudged_pairs_are_shown_with_their_teacher(tmp_path):
    facts = {
        "collect unjudged pairs": {"rows_in": 9, "rows_out": 6, "set_aside_why": {"judged": 2, "copies": 1}},
        "qualify teacher's labels": {"headline": "its labels qualify: right on 90% of 40 held-out pairs"},
        "label unjudged pairs": {"rows_out": 5, "mean_confidence": 0.9, "teacher": "the tuned teacher (ab12)"},
        "distil student (LRKD)": {"unjudged": 6, "labelled": 5},
    }
    steps = [{"title": name, "seconds": 1.0, "cached": False, "facts": values} for name, values in facts.items()]
    write_report(SUMMARY | {"steps": [*SUMMARY["steps"], *steps]}, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Pairs that nobody judged" in page and "6 of 9" in page and "2 judged, 1 copies" in page
    assert "Labels are of the tuned teacher (ab12)" in page and "its labels qualify" in page


def test_a_night_without_unjudged_pairs_names_none(page):
    assert "Pairs that nobody judged" not in page and "Judgements from clicks" not in page


def test_clicks_are_shown_beside_people(tmp_path):
    facts = {
        "collect judgements from clicks": {"rows_in": 9, "rows_out": 7, "judged": 4, "set_aside_why": {"copies": 2}},
        "qualify labels from clicks": {
            "headline": "labels from clicks qualify: right on 75% of 4 held-out pairs",
            "agreement_with_people": {"valid": {"pairs": 4, "same": 3}},
        },
        "add labels from clicks": {
            "headline": "2 pairs of 1 queries, mean weight 0.80",
            "of_train_queries": 0,
            "of_unjudged_queries": 2,
            "used": 2,
            "mean_weight": 0.8,
            "most_labelled_queries": {"<b>boot": 2},
        },
    }
    steps = [{"title": name, "seconds": 1.0, "cached": False, "facts": values} for name, values in facts.items()]
    write_report(SUMMARY | {"steps": [*SUMMARY["steps"], *steps]}, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "Judgements from clicks" in page and "7 of 9 pairs" in page and "Left out: 2 copies" in page
    assert "labels from clicks qualify: right on 75%" in page
    assert "people's label in 3 of 4 valid pairs" in page and "0 are of queries that people judged, 2 of others" in page
    assert "“&lt;b&gt;boot” (2)" in page and "<b>boot" not in page
