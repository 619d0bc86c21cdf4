"""What a night costs by the planner, in numbers that can be checked by hand; and what it refuses."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.cluster.teacher_cost import STEPS, Asked, Gpu, app, measured, planned
from pipelines.local.kfp_output import TITLES

GPU = Gpu(prefill_tokens_per_second=1000, decode_tokens_per_second=100, train_tokens_per_second=50, usd_per_hour=2.0)
SAMPLING, FINAL = Asked(3, 110, 10, 20), Asked(1, 70, 10, 30)


def said(*arguments):
    return CliRunner().invoke(app, list(arguments))


def told(*arguments):
    return json.loads(said("--json", *arguments).stdout)


def run_of(folder, **changed):
    sampled = {"pairs": 100, "rows_in": 300, "rows_out": 150, "tokens_in": 30_000, "tokens_out": 3_000}
    final = {"pairs": 100, "rows_in": 100, "rows_out": 100, "tokens_in": 7_600, "tokens_out": 2_500}
    steps = {"gather-rationales": sampled, "gather-rationales-2": final | changed}
    (folder / "summary.json").write_text(json.dumps({"retrain": steps}))
    return folder / "summary.json"


def test_what_is_written_takes_the_uncached_prompt_and_the_answer():
    sampling, _, _, final = planned(600, SAMPLING, FINAL, GPU)
    assert (sampling.rows, sampling.tokens_in, sampling.tokens_out) == (1800, 198_000, 36_000)
    assert sampling.gpu_hours == (1800 * 100 / 1000 + 36_000 / 100) / 3600 == 0.15
    assert final.gpu_hours == (600 * 60 / 1000 + 600 * 30 / 100) / 3600 == 0.06


def test_right_rationales_are_trained_on_and_conflicts_on_both_sides_with_a_reference():
    _, sft, dpo, _ = planned(100, SAMPLING, FINAL, GPU)
    assert (sft.rows, sft.tokens_in) == pytest.approx((180, 180 * 90 * 3))  # 300 x 0.6; 70 + 20 tokens, 3 epochs
    assert (dpo.rows, dpo.tokens_in) == pytest.approx((40, 40 * 2 * 90 * 3))  # 100 x 0.4
    assert (sft.gpu_hours, dpo.gpu_hours) == pytest.approx((48_600 / 50 / 3600, 21_600 / 50 * 4 / 3 / 3600))


def test_twice_the_pairs_take_twice_the_hours_and_cost_the_same_per_thousand():
    one, two = told("--pairs", "1000"), told("--pairs", "2000")
    for name in ("sampling_gpu_hours", "total_gpu_hours", "total_usd"):
        assert two[name] == pytest.approx(2 * one[name], abs=2e-4)
    assert two["usd_per_1000_pairs"] == one["usd_per_1000_pairs"] == one["total_usd"]


def test_twice_the_speed_takes_half_the_hours_and_the_price_is_hours_times_an_hour():
    slow = told("--decode-tokens-per-second", "500", "--prefill-tokens-per-second", "1000", "--usd-per-hour", "3")
    fast = told("--decode-tokens-per-second", "1000", "--prefill-tokens-per-second", "2000", "--usd-per-hour", "3")
    assert slow["final_gpu_hours"] == pytest.approx(2 * fast["final_gpu_hours"], abs=2e-4)
    assert slow["total_usd"] == pytest.approx(3 * slow["total_gpu_hours"], abs=2e-4)
    assert slow["sft_gpu_hours"] == fast["sft_gpu_hours"]


def test_a_runs_own_counts_are_taken_and_what_a_sampling_prompt_has_more_is_cached(tmp_path):
    sampling, final = measured(run_of(tmp_path))
    assert sampling == Asked(3.0, 200.0, 16 + 200 - 76, 20.0)
    assert final == Asked(1.0, 76.0, 16, 25.0)
    assert told("--measured", str(run_of(tmp_path)), "--pairs", "100")["sampling_tokens_out"] == 6000


def test_the_counts_are_taken_from_steps_that_a_run_has():
    assert [TITLES[step] for step in STEPS] == ["gather samples", "gather final rationales"]


def test_the_table_says_what_it_rests_on():
    shown = " ".join(said("--pairs", "100000", "--gpu", "h100-80gb").stdout.split())
    assert "100,000 judged pairs, Qwen3-14B in bf16 on h100-80gb" in shown and "in all" in shown
    assert "writes 4,540 in full batches" in shown and "40% of the pairs become preference pairs (assumed)" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--gpu", "tpu"], "--gpu is 'tpu'; known are l40s-48gb, a100-80gb, h100-80gb"),
        (["--pairs", "0"], "--pairs is 0; give a positive number"),
        (["--usd-per-hour", "-1"], "--usd-per-hour is -1.0; give a positive number"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(arguments, sentence):
    refused = said(*arguments)
    assert refused.exit_code == 2 and sentence in " ".join(refused.output.replace("│", " ").split())


def test_a_summary_that_lacks_a_figure_is_named_with_it(tmp_path):
    lacking = "summary.json: retrain / gather-rationales-2 / tokens_out is None; give the summary.json of a run"
    with pytest.raises(ValueError, match=lacking):
        measured(run_of(tmp_path, tokens_out=None))
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(ValueError, match="retrain / gather-rationales / pairs is None"):
        measured(tmp_path / "summary.json")
    (tmp_path / "summary.json").write_text("not yet")
    with pytest.raises(ValueError, match="summary.json is no JSON"):
        measured(tmp_path / "summary.json")
