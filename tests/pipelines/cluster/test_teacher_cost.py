"""What a night costs, in numbers that can be checked by hand; and which plans are refused."""

import json

import pytest
from typer.testing import CliRunner

from pipelines.cluster.teacher_cost import app
from pipelines.cluster.teacher_cost_model import STEPS, Gpu, Requests, plan_stages, read_requests
from pipelines.titles import TITLES

GPU = Gpu(prefill_tokens_per_second=1000, decode_tokens_per_second=100, train_tokens_per_second=50, usd_per_hour=2.0)
SAMPLING = Requests(3, 110, 10, 20)
FINAL = Requests(1, 70, 10, 30)


def run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def plan(*arguments):
    return json.loads(run("--json", *arguments).stdout)


def write_summary(folder, **changes):
    sampling = {"pairs": 100, "rows_in": 300, "rows_out": 150, "tokens_in": 30_000, "tokens_out": 3_000}
    final = {"pairs": 100, "rows_in": 100, "rows_out": 100, "tokens_in": 7_600, "tokens_out": 2_500}
    steps = {"gather-rationales": sampling, "gather-rationales-2": final | changes}
    (folder / "summary.json").write_text(json.dumps({"retrain": steps}))
    return folder / "summary.json"


def test_writing_takes_uncached_prompts_and_answers():
    sampling, _, _, final = plan_stages(600, SAMPLING, FINAL, GPU)
    assert (sampling.rows, sampling.tokens_in, sampling.tokens_out) == (1800, 198_000, 36_000)
    assert sampling.gpu_hours == (1800 * 100 / 1000 + 36_000 / 100) / 3600 == 0.15
    assert final.gpu_hours == (600 * 60 / 1000 + 600 * 30 / 100) / 3600 == 0.06


def test_training_takes_right_rationales_and_conflicts():
    _, sft, dpo, _ = plan_stages(100, SAMPLING, FINAL, GPU)
    assert (sft.rows, sft.tokens_in) == pytest.approx((180, 180 * 90 * 3))  # 300 x 0.6; 70 + 20 tokens, 3 epochs
    assert (dpo.rows, dpo.tokens_in) == pytest.approx((40, 40 * 2 * 90 * 3))  # 100 x 0.4
    assert (sft.gpu_hours, dpo.gpu_hours) == pytest.approx((48_600 / 50 / 3600, 21_600 / 50 * 4 / 3 / 3600))


def test_twice_the_pairs_take_twice_the_hours():
    single = plan("--pairs", "1000")
    double = plan("--pairs", "2000")
    for name in ("sampling_gpu_hours", "total_gpu_hours", "total_usd"):
        assert double[name] == pytest.approx(2 * single[name], abs=2e-4)
    assert double["usd_per_1000_pairs"] == single["usd_per_1000_pairs"] == single["total_usd"]


def test_twice_the_speed_takes_half_the_hours():
    slow = plan("--decode-tokens-per-second", "500", "--prefill-tokens-per-second", "1000", "--usd-per-hour", "3")
    fast = plan("--decode-tokens-per-second", "1000", "--prefill-tokens-per-second", "2000", "--usd-per-hour", "3")
    assert slow["final_gpu_hours"] == pytest.approx(2 * fast["final_gpu_hours"], abs=2e-4)
    assert slow["total_usd"] == pytest.approx(3 * slow["total_gpu_hours"], abs=2e-4)
    assert slow["sft_gpu_hours"] == fast["sft_gpu_hours"]


def test_a_runs_own_counts_are_read(tmp_path):
    sampling, final = read_requests(write_summary(tmp_path))
    assert sampling == Requests(3.0, 200.0, 16 + 200 - 76, 20.0)
    assert final == Requests(1.0, 76.0, 16, 25.0)
    assert plan("--measured", str(write_summary(tmp_path)), "--pairs", "100")["sampling_tokens_out"] == 6000


def test_counts_come_from_steps_that_exist():
    assert [TITLES[step] for step in STEPS] == ["gather samples", "gather final rationales"]


def test_the_table_says_what_it_rests_on():
    text = " ".join(run("--pairs", "100000", "--gpu", "h100-80gb").stdout.split())
    assert "100,000 judged pairs, Qwen3-14B in bf16 on h100-80gb" in text and "in all" in text
    assert "writes 4,540 in full batches" in text and "40% of the pairs become preference pairs (assumed)" in text


def test_a_stage_longer_than_its_deadline_is_named():
    text = " ".join(run("--pairs", "100000", "--gpu", "a100-80gb").stdout.split())
    assert "SFT takes 25.9 hours on one GPU, and its step is ended after 24: give it BROADFAST_TRAINING_GPUS=2" in text
    text = " ".join(run("--pairs", "1000000", "--gpu", "a100-80gb").stdout.split())
    assert "sampling takes 69.0 hours on one GPU, and its step is ended after 24: give it 3 `shards`" in text
    assert "is ended after" not in run("--pairs", "10000").stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--gpu", "tpu"], "--gpu is 'tpu'; known are l40s-48gb, a100-80gb, h100-80gb"),
        (["--pairs", "0"], "--pairs is 0; give a positive number"),
        (["--usd-per-hour", "-1"], "--usd-per-hour is -1.0; give a positive number"),
    ],
)
def test_impossible_plans_are_refused(arguments, sentence):
    result = run(*arguments)
    assert result.exit_code == 2 and sentence in " ".join(result.output.replace("│", " ").split())


def test_an_incomplete_summary_is_refused_by_name(tmp_path):
    message = "summary.json: retrain / gather-rationales-2 / tokens_out is None; give the summary.json of a run"
    with pytest.raises(ValueError, match=message):
        read_requests(write_summary(tmp_path, tokens_out=None))
    (tmp_path / "summary.json").write_text("{}")
    with pytest.raises(ValueError, match="retrain / gather-rationales / pairs is None"):
        read_requests(tmp_path / "summary.json")
    (tmp_path / "summary.json").write_text("not yet")
    with pytest.raises(ValueError, match="summary.json is no JSON"):
        read_requests(tmp_path / "summary.json")
