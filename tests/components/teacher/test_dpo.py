"""Direct preference optimisation on conflict samples: the margin between chosen and rejected grows."""

from dataclasses import asdict, replace

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from components import contracts
from components.model_reference import read_reference
from components.model_store import open_model
from components.teacher.config import DpoConfig
from components.teacher.dpo import dpo, margin_warning
from components.teacher.dpo_rows import hold_out_queries, select_pairs
from components.teacher.log_probabilities import pair_logprobs, preference_margin
from components.teacher.pairs import mine

CONFIG = DpoConfig(rank=2, epochs=2, learning_rate=1e-2, batch_size=2, max_length=256)


@pytest.fixture(scope="module")
def pairs(llm, judgements_path, rationales_path, tmp_path_factory):
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    result = mine(rationales_path, judgements_path, llm, path)
    assert (result.rows_in, result.rows_out, result.quarantined) == (8, 6, 2)
    return path


@pytest.mark.slow
def test_the_teacher_comes_to_prefer_what_was_right(s3, pairs, llm, tmp_path):
    result = dpo(pairs, llm, CONFIG, tmp_path / "model")
    margins = [entry["rewards/margins"] for entry in result.details["curve"]]
    assert margins[-1] > margins[0]
    assert (result.rows_in, result.rows_out, result.quarantined) == (6, 6, 0)
    assert result.details["steps"] == 6
    assert read_reference(tmp_path / "model").digest == result.details["model_digest"]


@pytest.mark.slow
def test_the_saved_model_is_what_is_measured(s3, pairs, llm, tmp_path):
    rows = contracts.read(contracts.PREFERENCE_PAIRS, pairs)
    contracts.write(
        [row | {"query_id": f"q{n}"} for n, row in enumerate(rows)], contracts.PREFERENCE_PAIRS, tmp_path / "pairs"
    )
    config = replace(CONFIG, held_out=0.5)
    details = dpo(tmp_path / "pairs", llm, config, tmp_path / "model").details
    selection = select_pairs(tmp_path / "pairs", llm, config)
    reference, policy = (logprobs(open_model(folder), selection.held_out) for folder in (llm, tmp_path / "model"))
    expected = preference_margin(policy, reference, config.beta)
    assert details["held_out"]["after"] == pytest.approx(asdict(expected), abs=1e-4)
    assert details["held_out"]["before"]["preferred_share"] == 0.5
    assert details["merge_cosine"] == 1.0


def logprobs(folder, rows):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    return pair_logprobs(model, AutoTokenizer.from_pretrained(folder), rows)


@pytest.mark.slow
def test_pairs_over_the_cap_are_quarantined(s3, pairs, llm, tmp_path):
    result = dpo(pairs, llm, DpoConfig(rank=2, rows=2, max_steps=1, batch_size=2), tmp_path / "model")
    assert (result.rows_out, result.quarantined) == (2, 4)


@pytest.mark.slow
def test_no_pair_is_an_error_with_a_remedy(llm, tmp_path):
    contracts.write([], contracts.PREFERENCE_PAIRS, tmp_path / "none")
    with pytest.raises(ValueError, match="there are no preference pairs: .* sample more of them"):
        dpo(tmp_path / "none", llm, CONFIG, tmp_path / "model")


@pytest.mark.slow
def test_pairs_that_do_not_fit_name_the_setting(pairs, llm, tmp_path):
    with pytest.raises(ValueError, match="none of 6 pairs fits in dpo_config's max_length 32: raise it"):
        dpo(pairs, llm, DpoConfig(max_length=32), tmp_path / "model")


def conflict(query, label, perspective="attributes"):
    return {"query_id": query, "label": label, "chosen_perspective": perspective}


def test_whole_queries_are_held_out():
    pairs = [conflict(f"q{n % 20}", "Exact" if n % 5 else "Irrelevant") for n in range(200)]
    rows, held_out = hold_out_queries(pairs, DpoConfig(held_out=0.3))
    assert len(rows) + len(held_out) == 200 and held_out
    assert not {row["query_id"] for row in rows} & {row["query_id"] for row in held_out}


def test_training_pairs_come_in_turn_by_label():
    pairs = [conflict(f"q{n % 20}", "Exact" if n % 5 else "Irrelevant") for n in range(200)]
    rows, _ = hold_out_queries(pairs, DpoConfig(held_out=0.3))
    assert [row["label"] for row in rows[:4]] == ["Exact", "Irrelevant", "Exact", "Irrelevant"]


def test_of_a_single_query_nothing_is_held_out():
    rows, held_out = hold_out_queries([conflict("q1", "Exact")] * 3, DpoConfig(held_out=1.0))
    assert (len(rows), len(held_out)) == (3, 0)


FLAT = {"margin": 0.0}


def test_higher_margin_or_few_steps_need_no_warning():
    assert margin_warning(FLAT, {"margin": 0.1}, 60, DpoConfig()) == ""
    assert margin_warning(FLAT, FLAT, 49, DpoConfig()) == ""


def test_a_flat_margin_warns_or_fails():
    warning = margin_warning(FLAT, FLAT, 60, DpoConfig(strict=False))
    assert warning == "DPO did not raise the held-out margin in 60 steps: +0.0000 to +0.0000"
    with pytest.raises(ValueError, match="raise dpo_config's learning_rate"):
        margin_warning(FLAT, FLAT, 60, DpoConfig())
