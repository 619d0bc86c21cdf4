"""The page on the teacher, and the figures that the run's report is made of."""

import json

import pytest

from components import contracts
from components.contracts import LABELS
from components.metrics import BootstrapConfig
from components.teacher.compare import STAGES
from components.teacher.report import report
from testing.rows import rationale

SAMPLED = {
    "rows_in": 4,
    "pairs": 2,
    "parse_rate": 0.75,
    "conflict_rate": 0.5,
    "rationales_by_perspective": {"attributes": 3},
    "accuracy_by_perspective": {"attributes": 0.3333},
    "quarantined_by_perspective": {"attributes": 1},
    "agreement": {"attributes": {"user_intent": 0.5}},
    "split_pairs_by_mismatch": {"brand": 1},
    "repairs": {"brand": {"attributes": 1.0}},
    "engine": "vllm",
    "used": {"requests": 4, "tokens_in": 9, "tokens_out": 8, "seconds": 2.0, "seconds_per_1000_pairs": 1000.0}
    | {"usd_per_1000_pairs": None},
    "examples": [
        {
            "query": "cup <b>",
            "title": "<script>1</script>",
            "label": "Exact",
            "rationales": {"attributes": "A cup.\nLabel: Exact"},
        }
    ],
}
SFT = {
    "merge_cosine": 1.0,
    "right_by_label": {"Exact": 7, "Substitute": 5, "Complement": 3, "Irrelevant": 6},
    "labels": dict.fromkeys(LABELS, 3),
    "set_aside_why": {"not the judged label": 4, "over the cap or the balance": 9},
}
MARGINS = {
    "before": {"margin": 0.0, "chosen_logprob_gain": 0.0},
    "after": {"margin": -0.01, "chosen_logprob_gain": -0.5},
}
DPO = {
    "merge_cosine": 0.93,
    "balance": {"Exact, attributes": 2},
    "set_aside_why": {"held out": 1},
    "held_out": {"pairs": 1, **MARGINS},
    "warning": "DPO did not raise the held-out margin",
}
QUALIFIED = {
    "headline": "the teacher qualifies: right on 90% <b>",
    "kappa": 0.8,
    "calibration_error": 0.1,
    "measures": {"calibration_error": {"estimate": 0.1}},
    "seconds_per_1000_pairs": 120.4,
}
AUDIT = {"status": "not audited", "headline": "not audited"}


@pytest.fixture
def result(tmp_path):
    """Report on two pairs that DPO alone got right."""
    held_out = {}
    for name in STAGES:
        label = "Exact" if name == "SFT + DPO" else "Irrelevant"
        rows = [rationale(query_id=f"q{n}", predicted_label=label) for n in range(2)]
        held_out[name] = tmp_path / f"{name}-rationales", tmp_path / f"{name}-quarantine"
        contracts.write_batches(rows, contracts.RATIONALES, held_out[name][0])
        contracts.write_batches([], contracts.QUARANTINE, held_out[name][1])
    facts = {"sampled": SAMPLED, "sft": SFT, "dpo": DPO, "final": SAMPLED, "audit": AUDIT, "qualified": QUALIFIED}
    for name, values in facts.items():
        (tmp_path / name).write_text(json.dumps(values))
    paths = {name: tmp_path / name for name in facts}
    return report(held_out, paths, BootstrapConfig(samples=50), tmp_path / "page.html")


def test_the_result_names_every_stage(result):
    scores = result.details
    assert (result.rows_in, result.rows_out, result.quarantined) == (6, 6, 0)
    assert (scores["balanced_accuracy_sft"], scores["balanced_accuracy_sft_dpo"]) == (0.0, 1.0)
    assert result.headline == "balanced accuracy before 0.000, SFT 0.000, SFT + DPO 1.000"


def test_the_page_shows_stages_agreement_and_costs(result, tmp_path):
    page = (tmp_path / "page.html").read_text()
    for words in ("SFT + DPO less SFT", "+100.0", "attributes and user_intent", "brand", "not audited", "no price"):
        assert words in page, words


def test_the_page_says_whether_the_teacher_qualifies(result, tmp_path):
    page = (tmp_path / "page.html").read_text()
    assert "the teacher qualifies: right on 90% &lt;b&gt;.</strong>" in page
    assert "kappa) 0.80, calibration error 0.10, 120 s per 1,000 pairs" in page


def test_the_page_shows_training_rows_and_warning(result, tmp_path):
    page = (tmp_path / "page.html").read_text()
    assert "<th>Complement</th><td>3</td><td>3</td>" in page and "4 not the judged label" in page
    assert "Exact, attributes" in page and "+0.0000 to -0.0100" in page
    assert "cosine of 1.0 with the trained one, that of DPO 0.93" in page
    assert "Warning: DPO did not raise the held-out margin" in page


def test_a_hostile_title_stays_text(result, tmp_path):
    page = (tmp_path / "page.html").read_text()
    assert "&lt;script&gt;" in page and "<script" not in page and "http" not in page
