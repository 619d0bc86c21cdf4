"""The engine for GPUs, and for a CPU with vLLM's own wheel: vLLM in this process."""

import os
from collections.abc import Sequence
from pathlib import Path

from components.rationales.engine import Completion, EngineConfig, label_tokens, shares, too_long
from components.rationales.perspectives import pattern
from components.teacher_prompt import rendered


class VllmEngine:
    """vLLM offline, in this process; on a CPU with its small settings, on GPUs with its defaults."""

    name = "vllm"

    def __init__(self, model: str | Path, config: EngineConfig, prefix_caching: bool = True):
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
            enable_prefix_caching=prefix_caching,
            seed=config.seed,
            **(small if cpu_only else {}),
        )
        self.tokenizer = self.llm.get_tokenizer()
        self.labels = label_tokens(self.tokenizer)

    def render(self, messages: list[dict]) -> str:
        return rendered(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        tokens = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        results = [too_long(len(ids)) for ids in tokens]
        fitting = [index for index, ids in enumerate(tokens) if len(ids) < self.config.max_length]
        prompts = [{"prompt_token_ids": tokens[index]} for index in fitting]
        sampling = [self._sampling(openings[index]) for index in fitting]
        outputs = self.llm.generate(prompts, sampling, use_tqdm=False) if prompts else []
        for index, output in zip(fitting, outputs, strict=True):
            results[index] = self._completion(output, openings[index])
        return results

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
