"""Train one teacher from the base model to DPO, and judge it on held-out pairs at every stage.

`python -m bench.teacher.train_teacher JUDGEMENTS FOLDER SEED PAIRS` leaves FOLDER/result.json. What ended is kept,
and every completion is in the store: run again, it goes on where it was.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from components.pretrained import save_base_model
from components.rationales.exemplars import write_exemplars
from components.rationales.generate import generate
from components.rationales.sampler import GenerateConfig
from components.step_result import StepResult
from components.teacher.dpo import dpo
from components.teacher.pairs import mine
from components.teacher.sft import sft, start
from pipelines.profiles import laptop

SAMPLED, SFT_ROWS, DPO_PAIRS, HELD_OUT_MARGIN = 100, 96, 64, 16
SHARD = 50  # answers that a killed run loses at most
KL_ANSWERS = 48


class Teacher:
    """The stages of one seed, each made once and kept below a folder."""

    def __init__(self, judgements: Path, folder: Path, seed: int, pairs: int):
        self.judgements, self.folder, self.seed = judgements, folder, seed
        self.profile = laptop()
        self.engine = replace(self.profile.engine, seed=seed)
        self.held_out = replace(self.profile.held_out, pairs=pairs, shard_requests=SHARD)
        self.facts: dict[str, dict] = {}

    def once(self, name: str, make: Callable[[], StepResult | dict]) -> Path:
        """The place of a stage's result, made unless it is there; what it said of itself is kept beside it."""
        said = self.folder / f"{name}.json"
        if not said.exists():
            unfinished = said.with_suffix(".unfinished")
            result = make()
            values = result.to_dict() if isinstance(result, StepResult) else result
            unfinished.write_text(json.dumps(values))
            unfinished.replace(said)
        self.facts[name] = json.loads(said.read_text())
        return self.folder / name

    def asked(self, name: str, model: Path, config: GenerateConfig, engine) -> Path:
        """RATIONALES of a model, in a folder with what was refused."""
        out = self.folder / name / "rationales", self.folder / name / "quarantine"
        return self.once(name, lambda: generate(self.judgements, model, (config, engine), "0/1", out))

    def judged(self, name: str, model: Path) -> None:
        """A model's likeliest answers about the held-out pairs."""
        self.asked(f"judged-{name}", model, self.held_out, replace(self.engine, temperature=0.0))

    def taught(self) -> None:
        """All stages of its training, from the base model to DPO, with what they learn from."""
        j, profile, folder = self.judgements, self.profile, self.folder
        exemplars = self.once("exemplars", lambda: write_exemplars(j, profile.exemplar_pairs, folder / "exemplars"))
        cold = replace(profile.cold_start, seed=self.seed)
        started = self.once("started", lambda: start(exemplars, j, profile.base_model, cold, folder / "started"))
        sampling = replace(profile.sampling, pairs=SAMPLED, shard_requests=SHARD)
        rationales = self.asked("sampled", started, sampling, self.engine) / "rationales"
        tune = replace(profile.sft, rows=SFT_ROWS, seed=self.seed)
        tuned = self.once("tuned", lambda: sft(rationales, j, started, tune, folder / "tuned"))
        pairs = self.once("pairs", lambda: mine(rationales, j, tuned, folder / "pairs"))
        prefer = replace(profile.dpo, rows=DPO_PAIRS, held_out_rows=HELD_OUT_MARGIN, seed=self.seed)
        self.once("hardened", lambda: dpo(pairs, tuned, prefer, folder / "hardened"))

    def run(self) -> dict:
        """Train, and judge every stage; what each said, and the answers' places."""
        self.taught()
        for name in ("started", "tuned", "hardened"):
            self.judged(name, self.folder / name)
        models = self.folder / "hardened", self.folder / "tuned"
        self.once("kl", lambda: {"kl_nats_per_token": moved(*models, self.judgements, self.folder)})
        return self.facts


def moved(model: Path, reference: Path, judgements: Path, folder: Path) -> float:
    """Mean KL(model, reference) at the tokens of the model's own held-out answers, in nats a token; 0 is no change."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from components import contracts
    from components.teacher.prompts import render_prompts
    from components.teacher_prompt import answer

    rows = contracts.read(contracts.RATIONALES, folder / "judged-hardened" / "rationales")[:KL_ANSWERS]
    prompts = render_prompts({(row["query_id"], row["item_id"]) for row in rows}, judgements, model)
    tokenizer = AutoTokenizer.from_pretrained(model)
    models = [AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval() for path in (model, reference)]
    divergence, tokens = 0.0, 0
    for row in rows:
        prompt = tokenizer(prompts[row["query_id"], row["item_id"]], add_special_tokens=False)["input_ids"]
        said = tokenizer(answer(row), add_special_tokens=False)["input_ids"]
        with torch.inference_mode():
            ids = torch.tensor([prompt + said])
            p, q = (m(ids).logits[0, len(prompt) - 1 : -1].log_softmax(-1) for m in models)  # (T, V)
        divergence, tokens = divergence + float((p.exp() * (p - q)).sum()), tokens + len(said)
    return divergence / max(1, tokens)


def base(judgements: Path, folder: Path, pairs: int) -> dict:
    """The model as it is shipped, with instruction and worked examples, its output constrained to the form."""
    teacher = Teacher(judgements, folder, 0, pairs)
    model = teacher.once("base", lambda: save_base_model(teacher.profile.base_model, folder / "base"))
    engine = replace(teacher.engine, temperature=0.0, use_grammar=True, characters=100, max_length=640)
    config = replace(teacher.held_out, prompt="few_shot", samples=1, attempts=1)
    teacher.asked("judged-base", model, config, engine)
    return teacher.facts


def main(judgements: str, folder: str, seed: str, pairs: str) -> None:
    """One seed's teacher, or the base model where the seed is `base`."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    if seed == "base":
        facts = base(Path(judgements), place, int(pairs))
    else:
        facts = Teacher(Path(judgements), place, int(seed), int(pairs)).run()
    (place / "result.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
