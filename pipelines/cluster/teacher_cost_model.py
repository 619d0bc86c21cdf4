"""The arithmetic of what the teacher half of a night costs: tokens by stage, tokens a second, a price.

All figures have a source or are named as assumptions. Nothing here was measured on a night.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

from components.perspectives import PERSPECTIVES
from pipelines.profiles import paper


@dataclass(frozen=True)
class Gpu:
    """One GPU with Qwen3-14B in bf16: tokens a second, and its price."""

    prefill_tokens_per_second: float
    decode_tokens_per_second: float
    train_tokens_per_second: float  # LoRA, forward and backward, activations recomputed
    usd_per_hour: float


# Prefill and decode: GPUStack's performance lab (docs.gpustack.ai, performance-lab/qwen3-14b), vLLM 0.11, one SXM GPU.
# Two of its runs, solved for seconds = in / prefill + out / decode:
#   A100  217,393 in, 201,605 out: 106.82 s;  998,175 in, 50,000 out: 175.66 s   ->  6,330 and 2,780
#   H100  217,393 in, 201,648 out:  63.53 s;  998,175 in, 50,000 out:  98.91 s   -> 11,360 and 4,540
# (6,330 x 2 x 14.8e9 FLOP a token is 60 % of an A100's 312 TFLOP/s, 11,360 is 34 % of an H100's 989.)
# Training: Qwen's README (QwenLM/Qwen, "Profiling of Memory and Speed"), LoRA of its 14B on one A100-SXM4-80G:
# 8 rows of 512 tokens in 2.4 s -> 1,710. H100: in proportion to prefill.
# L40S: not measured. Decode: an A100's times 864 / 2,039 GB/s. Prefill: half of 362 TFLOP/s; training in proportion.
# An L4 is missing: its 24 GB do not hold 29.6 GB of weights.
# Prices: RunPod on demand in March 2026, by deploybase.ai; in May mercatus-ai.com saw $0.80 to 3.00 for an A100 and
# $1.99 to 5.00 for an H100.
GPUS = {
    "l40s-48gb": Gpu(6_120, 1_180, 1_650, 1.40),
    "a100-80gb": Gpu(6_330, 2_780, 1_710, 2.45),
    "h100-80gb": Gpu(11_360, 4_540, 3_070, 4.76),
}


@dataclass(frozen=True)
class Requests:
    """One kind of request: its number for each judged pair, and its mean tokens."""

    requests_per_pair: float
    prompt_tokens: float
    cached_tokens: float  # of these, that all prompts begin with: vLLM's prefix cache computes them once
    completion_tokens: float


# Measured 2026-11 with SmolLM2's tokenizer on judged pairs of the embedded marketplace (2,400 items, 460 queries).
# Few-shot, the card and four examples, on each seventh of 6,556 pairs: a mean of 406.7 tokens over the perspectives
# (388 to 429), which begin alike for 361, 352 and 353, in whole blocks of 16 a mean of 352. Unified, on all pairs: 76.2
# (57 to 96), alike for 25. Qwen's tokenizer and longer titles will differ: --measured takes a run's own figures.
FEW_SHOT_PROMPT = 407
FEW_SHOT_CACHED = 352
UNIFIED_PROMPT = 76
UNIFIED_CACHED = 16
# Assumed, for want of a run at the paper's setting. Hard pairs are missed more often in later rounds; MISS_RATE does
# not model that.
COMPLETION = 160  # tokens of a rationale with its label; the profile cuts off at 512, its worked examples have 18 to 28
MISS_RATE = 0.2  # of the pairs have no right rationale, in each round of the perspectives
RIGHT_SHARE = 0.6  # of the rationales end in the judged label, and are trained on; ESCI's own baseline is right on 0.62
CONFLICT_SHARE = 0.4  # of the pairs have a right and a wrong rationale, and become a preference pair

PROFILE = paper()
ROUNDS = sum(MISS_RATE**n for n in range(PROFILE.sampling.max_samples))
SAMPLING = Requests(len(PERSPECTIVES) * ROUNDS, FEW_SHOT_PROMPT, FEW_SHOT_CACHED, COMPLETION)
FINAL = Requests(1, UNIFIED_PROMPT, UNIFIED_CACHED, COMPLETION)
STEPS = "gather-rationales", "gather-rationales-2"  # of `retrain`: where sampling and final rationales are counted
DPO_WORK = 4 / 3  # a token and parameter cost 6 FLOP to train, and 2 more for the reference model's pass


@dataclass(frozen=True)
class Stage:
    """One stage of the teacher half, with tokens over all epochs."""

    name: str
    rows: float
    tokens_in: float
    tokens_out: float
    gpu_hours: float


def plan_stages(pairs: int, sampling: Requests, final: Requests, gpu: Gpu) -> list[Stage]:
    """Plan the stages of a night.

    A training row is a rationale with the unified prompt.
    """
    row_tokens = final.prompt_tokens + sampling.completion_tokens
    right_rows = pairs * sampling.requests_per_pair * RIGHT_SHARE
    conflicts = pairs * CONFLICT_SHARE
    speed = gpu.train_tokens_per_second
    return [
        plan_writing("sampling", pairs, sampling, gpu),
        plan_training("sft", right_rows, row_tokens * PROFILE.sft.epochs, speed),
        plan_training("dpo", conflicts, 2 * row_tokens * PROFILE.dpo.epochs, speed / DPO_WORK),
        plan_writing("final", pairs, final, gpu),
    ]


def plan_writing(name: str, pairs: int, requests: Requests, gpu: Gpu) -> Stage:
    """Plan a stage that writes rationales: uncached prompt tokens are read, answers written."""
    count = pairs * requests.requests_per_pair
    tokens_read = count * (requests.prompt_tokens - requests.cached_tokens)
    tokens_out = count * requests.completion_tokens
    seconds = tokens_read / gpu.prefill_tokens_per_second + tokens_out / gpu.decode_tokens_per_second
    return Stage(name, count, count * requests.prompt_tokens, tokens_out, seconds / 3600)


def plan_training(name: str, rows: float, tokens_per_row: float, tokens_per_second: float) -> Stage:
    """Plan a stage that trains on rows, each with its tokens over all epochs."""
    return Stage(name, rows, rows * tokens_per_row, 0, rows * tokens_per_row / tokens_per_second / 3600)


def read_requests(summary: Path) -> tuple[Requests, Requests]:
    """Read from a run's summary.json what sampling and the final rationales took.

    A sampling prompt is a final one with a text that is the same in all. The cache holds what it has more.

    Raises:
        ValueError: the file is no JSON, or lacks a figure.
    """
    try:
        run = json.loads(summary.read_text())
    except ValueError as error:
        raise ValueError(f"{summary} is no JSON: {error}") from None
    sampling, final = (read_step_requests(run, step, summary) for step in STEPS)
    extra_tokens = max(0.0, sampling.prompt_tokens - final.prompt_tokens)
    return replace(sampling, cached_tokens=UNIFIED_CACHED + extra_tokens), final


def read_step_requests(run: dict, step: str, summary: Path) -> Requests:
    """Read the requests of one step of `retrain`, by the tokens of its rows out.

    Raises:
        ValueError: a figure is missing or not positive.
    """
    facts = run.get("retrain", {}).get(step, {})
    for name in ("pairs", "rows_in", "rows_out", "tokens_in", "tokens_out"):
        if not isinstance(facts.get(name), int) or facts[name] <= 0:
            raise ValueError(
                f"{summary}: retrain / {step} / {name} is {facts.get(name)}; give the summary.json of a run that "
                "came to the end of retrain with a teacher that qualified, where it is a positive number"
            )
    rows = facts["rows_out"]
    return Requests(
        requests_per_pair=facts["rows_in"] / facts["pairs"],
        prompt_tokens=facts["tokens_in"] / rows,
        cached_tokens=UNIFIED_CACHED,
        completion_tokens=facts["tokens_out"] / rows,
    )
