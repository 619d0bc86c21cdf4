"""Train one teacher from the base model to DPO, and judge it on held-out pairs at every stage.

`python -m bench.teacher.train_teacher JUDGEMENTS FOLDER SEED PAIRS` leaves FOLDER/result.json. What ended is kept,
and every completion is in the store: run again, it goes on where it was.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from components import contracts
from components.model_store import open_model
from components.pretrained import save_base_model
from components.rationales.exemplars import write_exemplars
from components.rationales.generate import generate
from components.rationales.sampler import GenerateConfig
from components.step_result import StepResult
from components.teacher.dpo import dpo
from components.teacher.pairs import QUERY_ITEM, mine
from components.teacher.prompts import render_prompts
from components.teacher.sft import sft, start
from components.teacher_prompt import answer
from pipelines.profiles import laptop

SAMPLED = 100  # pairs
SFT_ROWS = 96
DPO_PAIRS = 64
HELD_OUT_MARGIN = 16  # pairs
SHARD = 50  # answers that a killed run loses at most
KL_ANSWERS = 48


class Teacher:
    """The stages of one seed, each made once and stored below a folder."""

    def __init__(self, judgements: Path, folder: Path, seed: int, pairs: int):
        self.judgements = judgements
        self.folder = folder
        self.seed = seed
        self.profile = laptop()
        self.engine = replace(self.profile.engine, seed=seed)
        self.held_out = replace(self.profile.held_out, pairs=pairs, shard_requests=SHARD)
        self.results: dict[str, dict] = {}

    def once(self, name: str, make: Callable[[], StepResult | dict]) -> Path:
        """Make a stage unless its result is stored, and return its folder."""
        stored = self.folder / f"{name}.json"
        if not stored.exists():
            unfinished = stored.with_suffix(".unfinished")
            result = make()
            values = result.to_dict() if isinstance(result, StepResult) else result
            unfinished.write_text(json.dumps(values))
            unfinished.replace(stored)
        self.results[name] = json.loads(stored.read_text())
        return self.folder / name

    def sample(self, name: str, model: Path, config: GenerateConfig, engine) -> Path:
        """Sample a model's rationales, and return the folder with them and their quarantine."""
        out = (self.folder / name / "rationales", self.folder / name / "quarantine")
        return self.once(name, lambda: generate(self.judgements, model, (config, engine), "0/1", out))

    def judge(self, name: str, model: Path) -> None:
        """Ask for a model's likeliest answers about the held-out pairs."""
        self.sample(f"judged-{name}", model, self.held_out, replace(self.engine, temperature=0.0))

    def train(self) -> None:
        """Train from the base model to DPO."""
        cold_started = self.start()
        sampling = replace(self.profile.sampling, pairs=SAMPLED, shard_requests=SHARD)
        rationales = self.sample("sampled", cold_started, sampling, self.engine) / "rationales"
        config = replace(self.profile.sft, rows=SFT_ROWS, seed=self.seed)
        out = self.folder / "tuned"
        sft_model = self.once("tuned", lambda: sft(rationales, self.judgements, cold_started, config, out))
        pairs = self.once("pairs", lambda: mine(rationales, self.judgements, sft_model, self.folder / "pairs"))
        preferences = replace(self.profile.dpo, rows=DPO_PAIRS, held_out_rows=HELD_OUT_MARGIN, seed=self.seed)
        self.once("hardened", lambda: dpo(pairs, sft_model, preferences, self.folder / "hardened"))

    def start(self) -> Path:
        """Tune the base model on exemplars, and return its folder."""
        exemplars = self.folder / "exemplars"
        self.once("exemplars", lambda: write_exemplars(self.judgements, self.profile.exemplar_pairs, exemplars))
        config = replace(self.profile.cold_start, seed=self.seed)
        out = self.folder / "started"
        return self.once("started", lambda: start(exemplars, self.judgements, self.profile.base_model, config, out))

    def run(self) -> dict:
        """Train, judge every stage, and return the results by stage."""
        self.train()
        for name in ("started", "tuned", "hardened"):
            self.judge(name, self.folder / name)
        self.once("kl", lambda: {"kl_nats_per_token": self.divergence()})
        return self.results

    def divergence(self) -> float:
        """Return the mean KL of the model after DPO from the one before, in nats a token."""
        rows = contracts.read(contracts.RATIONALES, self.folder / "judged-hardened" / "rationales")[:KL_ANSWERS]
        return mean_divergence(self.folder / "hardened", self.folder / "tuned", rows, self.judgements)


def mean_divergence(model: Path, reference: Path, rows: list[dict], judgements: Path) -> float:
    """Return the mean KL(model, reference) at the tokens of the rows' answers, in nats a token."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prompts = render_prompts({QUERY_ITEM(row) for row in rows}, judgements, model)
    folders = [open_model(path) for path in (model, reference)]
    tokenizer = AutoTokenizer.from_pretrained(folders[0])
    models = [AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval() for folder in folders]
    divergence = 0.0
    tokens = 0
    for row in rows:
        prompt = tokenizer(prompts[QUERY_ITEM(row)], add_special_tokens=False)["input_ids"]
        completion = tokenizer(answer(row), add_special_tokens=False)["input_ids"]
        ids = torch.tensor([prompt + completion])
        with torch.inference_mode():
            p, q = (m(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1) for m in models)  # (T, V)
        divergence += float((p.exp() * (p - q)).sum())
        tokens += len(completion)
    return divergence / max(1, tokens)


def judge_base_model(judgements: Path, folder: Path, pairs: int) -> dict:
    """Judge the model as it is shipped, with worked examples, its output constrained to the form."""
    teacher = Teacher(judgements, folder, 0, pairs)
    model = teacher.once("base", lambda: save_base_model(teacher.profile.base_model, folder / "base"))
    engine = replace(teacher.engine, temperature=0.0, use_grammar=True, characters=100, max_length=640)
    config = replace(teacher.held_out, prompt="few_shot", samples=1, attempts=1)
    teacher.sample("judged-base", model, config, engine)
    return teacher.results


def main(judgements: str, folder: str, seed: str, pairs: str) -> None:
    """Train one seed's teacher, or judge the base model where the seed is `base`."""
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    if seed == "base":
        results = judge_base_model(Path(judgements), out, int(pairs))
    else:
        results = Teacher(Path(judgements), out, int(seed), int(pairs)).run()
    (out / "result.json").write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
