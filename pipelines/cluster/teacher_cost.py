"""Estimate what the teacher half of a night costs on a GPU. `python -m pipelines.cluster.teacher_cost --help`.

Arithmetic on stated figures, not a measurement of a night; it is in teacher_cost_model.py.
"""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipelines.cluster.teacher_cost_model import (
    CONFLICT_SHARE,
    FINAL,
    GPUS,
    PROFILE,
    RIGHT_SHARE,
    SAMPLING,
    Gpu,
    Requests,
    plan_stages,
    read_requests,
)

TITLES = {"sampling": "sampling", "sft": "SFT", "dpo": "DPO", "final": "final rationales"}
STEP_KINDS = {"sampling": "rationales", "sft": "sft", "dpo": "dpo", "final": "rationales"}  # of pipelines.resources
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


def plan_figures(pairs: int, sampling: Requests, final: Requests, gpu: Gpu) -> dict:
    """Return one flat object: figures by stage, in all, for 1,000 pairs, and their inputs."""
    figures = {"pairs": pairs}
    gpu_hours = 0.0
    usd = 0.0
    for stage in plan_stages(pairs, sampling, final, gpu):
        stage_usd = stage.gpu_hours * gpu.usd_per_hour
        values = asdict(stage) | {"usd": stage_usd}
        name = values.pop("name")
        figures |= {f"{name}_{key}": value for key, value in values.items()}
        gpu_hours += stage.gpu_hours
        usd += stage_usd
    figures |= {"total_gpu_hours": gpu_hours, "total_usd": usd}
    figures |= {"gpu_hours_per_1000_pairs": gpu_hours / pairs * 1000, "usd_per_1000_pairs": usd / pairs * 1000}
    figures |= asdict(gpu)
    figures |= {f"sampling_{key}": value for key, value in asdict(sampling).items()}
    figures |= {f"final_{key}": value for key, value in asdict(final).items()}
    figures |= {"right_share": RIGHT_SHARE, "conflict_share": CONFLICT_SHARE}
    return {name: round(value, 4) for name, value in figures.items()}


def build_table(gpu: str, figures: dict) -> Table:
    """Build the table of all stages, as people read it."""
    title = f"{figures['pairs']:,} judged pairs, Qwen3-14B in bf16 on {gpu}"
    table = Table("stage", title=title, title_justify="left", box=None)
    for column in ("rows", "M tokens in", "M out", "GPU hours", "USD", "per 1,000"):
        table.add_column(column, justify="right")
    for name, label in TITLES.items():
        usd = figures[f"{name}_usd"]
        table.add_row(
            label,
            f"{figures[f'{name}_rows']:,.0f}",
            f"{figures[f'{name}_tokens_in'] / 1e6:,.1f}",
            f"{figures[f'{name}_tokens_out'] / 1e6:,.1f}",
            f"{figures[f'{name}_gpu_hours']:,.2f}",
            f"{usd:,.2f}",
            f"{usd / figures['pairs'] * 1000:,.3f}",
        )
    total_usd = f"{figures['total_usd']:,.2f}"
    per_1000 = f"{figures['usd_per_1000_pairs']:,.3f}"
    table.add_row("in all", "", "", "", f"{figures['total_gpu_hours']:,.2f}", total_usd, per_1000, style="bold")
    return table


def deadline_warnings(figures: dict) -> list[str]:
    """Return a sentence for each stage that takes one GPU past its step's deadline."""
    from pipelines.placements import PLACEMENTS

    warnings = []
    for name, kind in STEP_KINDS.items():
        hours = figures[f"{name}_gpu_hours"]
        deadline = PLACEMENTS[kind].hours
        if hours > deadline:
            count = math.ceil(hours / deadline)
            trains = PLACEMENTS[kind].tunes_teacher
            remedy = f"BROADFAST_TRAINING_GPUS={count}" if trains else f"{count} `shards` of the pipeline"
            warnings.append(
                f"{TITLES[name]} takes {hours:.1f} hours on one GPU, and its step is ended after {deadline}: give it "
                f"{remedy} at least, or a faster GPU, or fewer pairs."
            )
    return warnings


def describe_assumptions(sampling: Requests, final: Requests, gpu: Gpu, source: str) -> str:
    """Describe what the figures rest on."""
    return (
        f"A pair gets {sampling.requests_per_pair:.2f} requests when rationales are sampled and "
        f"{final.requests_per_pair:.2f} for its final one. A sampling prompt has {sampling.prompt_tokens:.0f} "
        f"tokens, {sampling.cached_tokens:.0f} of them the same in all and computed once; a final prompt has "
        f"{final.prompt_tokens:.0f}, {final.cached_tokens:.0f} the same; a rationale has "
        f"{sampling.completion_tokens:.0f}, a final one {final.completion_tokens:.0f} ({source}).\n\n"
        f"{RIGHT_SHARE:.0%} of the sampled rationales are right and trained on; {CONFLICT_SHARE:.0%} of the pairs "
        f"become preference pairs (assumed). SFT takes {PROFILE.sft.epochs:.0f} epochs, DPO "
        f"{PROFILE.dpo.epochs:.0f} with a pass of the reference model each (the paper's profile).\n\n"
        f"One GPU reads {gpu.prefill_tokens_per_second:,.0f} tokens a second, writes "
        f"{gpu.decode_tokens_per_second:,.0f} in full batches (vLLM) and trains a LoRA on "
        f"{gpu.train_tokens_per_second:,.0f}; its hour costs ${gpu.usd_per_hour:.2f}. Several share the hours of "
        "writing, not those of training. Sources and arithmetic: pipelines/cluster/teacher_cost_model.py.\n\n"
        "Not counted: starting machines, loading and merging models, further attempts at answers that break the form, "
        "judging the teacher on held-out pairs, embedding the final rationales."
    )


def require_positive(options: dict) -> dict:
    """Return the options that have a value.

    Raises:
        ValueError: one of them is not positive.
    """
    for name, value in options.items():
        if value is not None and value <= 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; give a positive number")
    return {name: value for name, value in options.items() if value is not None}


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
    """Estimate tokens, GPU hours and US dollars of the teacher half of a night.

    Sampling, SFT, DPO and the final rationales, with the paper's teacher. Nothing is run or rented; what the figures
    rest on is printed below them.
    """
    speeds = (prefill_tokens_per_second, decode_tokens_per_second, train_tokens_per_second, usd_per_hour)
    try:
        if gpu not in GPUS:
            raise ValueError(f"--gpu is {gpu!r}; known are {', '.join(GPUS)}")
        require_positive({"pairs": pairs})
        used_gpu = replace(GPUS[gpu], **require_positive(dict(zip(Gpu.__dataclass_fields__, speeds, strict=True))))
        tokens = require_positive({"completion_tokens": completion_tokens})
        requests = read_requests(summary) if summary else (SAMPLING, FINAL)
        sampling, final = (replace(each, **tokens) for each in requests)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    figures = plan_figures(pairs, sampling, final, used_gpu)
    if as_json:
        print(json.dumps({"gpu": gpu} | figures, indent=1))
        return
    console = Console(highlight=False)
    console.print(build_table(gpu, figures))
    source = f"{summary}" if summary else "prompts measured on the embedded marketplace, answers assumed"
    for warning in deadline_warnings(figures):
        console.print(f"\n{warning}", style="bold")
    console.print(f"\n{describe_assumptions(sampling, final, used_gpu, source)}")


if __name__ == "__main__":
    app()
