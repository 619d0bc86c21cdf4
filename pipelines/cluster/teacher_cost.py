"""Estimate what the teacher half of a night costs on a GPU. `python -m pipelines.cluster.teacher_cost --help`.

Arithmetic on stated figures, no measurement of a night: tokens by stage, at so many tokens a second, at a price.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from components.rationales.perspectives import PERSPECTIVES
from pipelines.profiles import paper

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Gpu:
    """What one GPU does with Qwen3-14B in bf16, in tokens a second, and its price."""

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
class Asked:
    """One kind of request: how many a judged pair takes, and the mean tokens of a prompt and of an answer."""

    requests_per_pair: float
    prompt_tokens: float
    cached_tokens: float  # of these, that all prompts begin with: vLLM's prefix cache computes them once
    completion_tokens: float


# Measured 2026-11 with SmolLM2's tokenizer on the 6,556 judged pairs of the embedded marketplace (2,400 items, 460
# queries). Few-shot, two examples: a mean of 203.9 tokens over the perspectives (172 to 235), which begin alike for
# 148, 137 and 159, in whole blocks of 16 a mean of 139. Unified: 76.2 (57 to 96), alike for 25. Qwen's tokenizer and
# longer titles will differ: --measured takes a run's own figures.
FEW_SHOT_PROMPT, FEW_SHOT_CACHED = 204, 139
UNIFIED_PROMPT, UNIFIED_CACHED = 76, 16
# Assumed, for want of a run at the paper's setting; hard pairs are missed more often than a round before, which MISSED
# does not know.
COMPLETION = 160  # tokens of a rationale with its label; the profile cuts off at 512, its worked examples have 18 to 28
MISSED = 0.2  # of the pairs asked have no right rationale, in each round of the perspectives
RIGHT = 0.6  # of the rationales end in the judged label, and are trained on; ESCI's own baseline is right on 0.62
CONFLICTS = 0.4  # of the pairs have a right and a wrong rationale, and become a preference pair

PROFILE = paper()
ROUNDS = sum(MISSED**n for n in range(PROFILE.sampling.max_samples))
SAMPLING = Asked(len(PERSPECTIVES) * ROUNDS, FEW_SHOT_PROMPT, FEW_SHOT_CACHED, COMPLETION)
FINAL = Asked(1, UNIFIED_PROMPT, UNIFIED_CACHED, COMPLETION)
STEPS = "gather-rationales", "gather-rationales-2"  # of `retrain`: where sampling and final rationales are counted
DPO_WORK = 4 / 3  # a token and parameter cost 6 FLOP to train, and 2 more for the reference model's pass
TITLES = {"sampling": "sampling", "sft": "SFT", "dpo": "DPO", "final": "final rationales"}


@dataclass(frozen=True)
class Stage:
    """One stage of the teacher half: requests or training rows, tokens over all epochs, and hours of one GPU."""

    name: str
    rows: float
    tokens_in: float
    tokens_out: float
    gpu_hours: float


def planned(pairs: int, sampling: Asked, final: Asked, gpu: Gpu) -> list[Stage]:
    """The stages of a night with so many judged pairs; a row of training is a rationale and the unified prompt."""
    row = final.prompt_tokens + sampling.completion_tokens
    right, conflicts = pairs * sampling.requests_per_pair * RIGHT, pairs * CONFLICTS
    speed = gpu.train_tokens_per_second
    return [
        written("sampling", pairs, sampling, gpu),
        trained("sft", right, row * PROFILE.sft.epochs, speed),
        trained("dpo", conflicts, 2 * row * PROFILE.dpo.epochs, speed / DPO_WORK),
        written("final", pairs, final, gpu),
    ]


def written(name: str, pairs: int, asked: Asked, gpu: Gpu) -> Stage:
    """A stage that writes rationales: what no cache holds is computed, and the answers follow."""
    requests = pairs * asked.requests_per_pair
    computed, out = requests * (asked.prompt_tokens - asked.cached_tokens), requests * asked.completion_tokens
    seconds = computed / gpu.prefill_tokens_per_second + out / gpu.decode_tokens_per_second
    return Stage(name, requests, requests * asked.prompt_tokens, out, seconds / 3600)


def trained(name: str, rows: float, tokens_per_row: float, tokens_per_second: float) -> Stage:
    """A stage that trains the teacher on so many rows, each of so many tokens over all epochs."""
    return Stage(name, rows, rows * tokens_per_row, 0, rows * tokens_per_row / tokens_per_second / 3600)


def measured(summary: Path) -> tuple[Asked, Asked]:
    """What sampling and the final rationales took in a run, by its summary.json.

    A sampling prompt is a final one and a text that is the same in all: what it has more, the cache holds.

    Raises:
        ValueError: the file is no JSON, or lacks a figure.
    """
    try:
        said = json.loads(summary.read_text())
    except ValueError as error:
        raise ValueError(f"{summary} is no JSON: {error}") from None
    sampling, final = (asked_by(said, step, summary) for step in STEPS)
    more = max(0.0, sampling.prompt_tokens - final.prompt_tokens)
    return replace(sampling, cached_tokens=UNIFIED_CACHED + more), final


def asked_by(said: dict, step: str, summary: Path) -> Asked:
    """The requests of one step of `retrain`; tokens are those of the rationales that were kept."""
    facts = said.get("retrain", {}).get(step, {})
    for name in ("pairs", "rows_in", "rows_out", "tokens_in", "tokens_out"):
        if not isinstance(facts.get(name), int) or facts[name] <= 0:
            raise ValueError(
                f"{summary}: retrain / {step} / {name} is {facts.get(name)}; give the summary.json of a run that "
                "came to the end of retrain, where it is a positive number"
            )
    pairs, requests, kept = (facts[name] for name in ("pairs", "rows_in", "rows_out"))
    return Asked(requests / pairs, facts["tokens_in"] / kept, UNIFIED_CACHED, facts["tokens_out"] / kept)


def figures(pairs: int, sampling: Asked, final: Asked, gpu: Gpu) -> dict:
    """Everything as one flat object: by stage, in all, for 1,000 pairs, and what it was reckoned with."""
    stages = planned(pairs, sampling, final, gpu)
    costs = [asdict(stage) | {"usd": stage.gpu_hours * gpu.usd_per_hour} for stage in stages]
    totals = {name: sum(cost[name] for cost in costs) for name in ("gpu_hours", "usd")}
    found = {"pairs": pairs}
    for prefix, said in (
        *((f"{cost.pop('name')}_", cost) for cost in costs),
        ("total_", totals),
        ("", {f"{name}_per_1000_pairs": value / pairs * 1000 for name, value in totals.items()}),
        ("", asdict(gpu)),
        ("sampling_", asdict(sampling)),
        ("final_", asdict(final)),
        ("", {"right_share": RIGHT, "conflict_share": CONFLICTS}),
    ):
        found |= {f"{prefix}{name}": round(value, 4) for name, value in said.items()}
    return found


def table(gpu: str, said: dict) -> Table:
    """The figures as a person reads them."""
    title = f"{said['pairs']:,} judged pairs, Qwen3-14B in bf16 on {gpu}"
    shown = Table("stage", title=title, title_justify="left", box=None)
    for column in ("rows", "M tokens in", "M out", "GPU hours", "USD", "per 1,000"):
        shown.add_column(column, justify="right")
    for name, words in TITLES.items():
        tokens = (f"{said[f'{name}_tokens_{way}'] / 1e6:,.1f}" for way in ("in", "out"))
        hours, usd = said[f"{name}_gpu_hours"], said[f"{name}_usd"]
        costs = f"{hours:,.2f}", f"{usd:,.2f}", f"{usd / said['pairs'] * 1000:,.3f}"
        shown.add_row(words, f"{said[f'{name}_rows']:,.0f}", *tokens, *costs)
    total = f"{said['total_gpu_hours']:,.2f}", f"{said['total_usd']:,.2f}", f"{said['usd_per_1000_pairs']:,.3f}"
    shown.add_row("in all", "", "", "", *total, style="bold")
    return shown


def assumptions(sampling: Asked, final: Asked, gpu: Gpu, source: str) -> str:
    """What the figures rest on, in words."""
    return (
        f"A pair is asked {sampling.requests_per_pair:.2f} times when rationales are sampled and "
        f"{final.requests_per_pair:.2f} times for its final one. A sampling prompt has {sampling.prompt_tokens:.0f} "
        f"tokens, {sampling.cached_tokens:.0f} of them the same in all and computed once; a final prompt has "
        f"{final.prompt_tokens:.0f}, {final.cached_tokens:.0f} the same; a rationale has "
        f"{sampling.completion_tokens:.0f}, a final one {final.completion_tokens:.0f} ({source}).\n\n"
        f"{RIGHT:.0%} of the sampled rationales are right and trained on; {CONFLICTS:.0%} of the pairs become "
        f"preference pairs (assumed). SFT takes {PROFILE.sft.epochs:.0f} epochs, DPO {PROFILE.dpo.epochs:.0f} with a "
        "pass of the reference model each (the paper's profile).\n\n"
        f"One GPU reads {gpu.prefill_tokens_per_second:,.0f} tokens a second, writes "
        f"{gpu.decode_tokens_per_second:,.0f} in full batches (vLLM) and trains a LoRA on "
        f"{gpu.train_tokens_per_second:,.0f}; its hour costs ${gpu.usd_per_hour:.2f}. Several share the hours of "
        "writing, not those of training. Sources and arithmetic: pipelines/cluster/teacher_cost.py.\n\n"
        "Not counted: starting machines, loading and merging models, further attempts at answers that break the form, "
        "judging the teacher on held-out pairs, embedding the final rationales."
    )


def positive(given: dict) -> dict:
    """The options that were given.

    Raises:
        ValueError: one of them is not positive.
    """
    for name, value in given.items():
        if value is not None and value <= 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; give a positive number")
    return {name: value for name, value in given.items() if value is not None}


@app.command()
def plan(
    pairs: Annotated[int, typer.Option(help="Judged pairs of the train split.")] = 100_000,
    gpu: Annotated[str, typer.Option(help=f"One of {', '.join(GPUS)}.")] = "a100-80gb",
    summary: Annotated[
        Path | None,
        typer.Option("--measured", exists=True, dir_okay=False, help="A run's summary.json, for its token counts."),
    ] = None,
    completion_tokens: Annotated[float | None, typer.Option(help="Tokens of a rationale.")] = None,
    prefill_tokens_per_second: Annotated[float | None, typer.Option(help="One GPU reads so many.")] = None,
    decode_tokens_per_second: Annotated[float | None, typer.Option(help="One GPU writes so many, batched.")] = None,
    train_tokens_per_second: Annotated[float | None, typer.Option(help="One GPU trains a LoRA on so many.")] = None,
    usd_per_hour: Annotated[float | None, typer.Option(help="Price of one GPU.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One flat object instead of the table.")] = False,
) -> None:
    """What the teacher half of a night costs on a GPU: tokens, GPU hours and US dollars of sampling, SFT, DPO and the
    final rationales, with the paper's teacher. Nothing is run or rented; what the figures rest on is printed below.
    """
    names = [*Gpu.__dataclass_fields__]
    speeds = prefill_tokens_per_second, decode_tokens_per_second, train_tokens_per_second, usd_per_hour
    try:
        if gpu not in GPUS:
            raise ValueError(f"--gpu is {gpu!r}; known are {', '.join(GPUS)}")
        positive({"pairs": pairs})
        used = replace(GPUS[gpu], **positive(dict(zip(names, speeds, strict=True))))
        tokens = positive({"completion_tokens": completion_tokens})
        asked = [replace(each, **tokens) for each in (measured(summary) if summary else (SAMPLING, FINAL))]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    said = figures(pairs, *asked, used)
    if as_json:
        print(json.dumps({"gpu": gpu} | said, indent=1))
        return
    console = Console(highlight=False)
    console.print(table(gpu, said))
    prompts = f"{summary}" if summary else "prompts measured on the embedded marketplace, answers assumed"
    console.print(f"\n{assumptions(*asked, used, prompts)}")


if __name__ == "__main__":
    app()
