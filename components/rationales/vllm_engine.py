"""The engine for GPUs, and for a CPU with vLLM's own wheel: vLLM in this process."""

import os
from collections.abc import Sequence
from pathlib import Path

from components.label_shares import listed_label_shares
from components.perspectives import pattern
from components.rationales.engine import (
    Completion,
    EngineConfig,
    label_position,
    label_tokens,
    too_long,
)
from components.teacher_prompt import render_chat

CPU_ENVIRONMENT = {
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
CPU_OPTIONS = {
    "dtype": "float32",
    "max_num_seqs": 64,
    "enforce_eager": True,
    "distributed_executor_backend": "uni",
    "block_size": 32,
}


class VllmEngine:
    """Runs vLLM in this process, on a CPU with its small settings."""

    name = "vllm"

    def __init__(self, model: str | Path, config: EngineConfig, prefix_caching: bool = True):
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        import torch

        cpu_only = not torch.cuda.is_available()
        if cpu_only:  # read when vLLM is imported
            for name, value in CPU_ENVIRONMENT.items():
                os.environ.setdefault(name, value)
        from vllm import LLM

        self.config = config
        self.llm = LLM(
            model=str(model),
            max_model_len=config.max_length,
            enable_prefix_caching=prefix_caching,
            seed=config.seed,
            **(CPU_OPTIONS if cpu_only else {}),
        )
        self.tokenizer = self.llm.get_tokenizer()
        self.labels = label_tokens(self.tokenizer)

    def render(self, messages: list[dict]) -> str:
        return render_chat(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        tokens = [self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
        results = [too_long(len(ids)) for ids in tokens]
        fitting = [index for index, ids in enumerate(tokens) if len(ids) < self.config.max_length]
        prompts = [{"prompt_token_ids": tokens[index]} for index in fitting]
        sampling = [self._sampling(forced_prefixes[index]) for index in fitting]
        outputs = self.llm.generate(prompts, sampling, use_tqdm=False) if prompts else []
        for index, output in zip(fitting, outputs, strict=True):
            results[index] = self._completion(output, forced_prefixes[index])
        return results

    def _sampling(self, forced_prefix: str):
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        regex = pattern(forced_prefix, self.config.characters)
        return SamplingParams(
            **self.config.sampling,
            max_tokens=self.config.max_new_tokens,
            logprobs=8,
            structured_outputs=StructuredOutputsParams(regex=regex) if self.config.use_grammar else None,
        )

    def _completion(self, output, forced_prefix: str) -> Completion:
        answer = output.outputs[0]
        row = list(answer.token_ids)
        at = label_position(row, self.labels)
        return Completion(
            text=forced_prefix + answer.text,
            tokens_in=len(output.prompt_token_ids),
            tokens_out=len(row),
            finish_reason=answer.finish_reason or "stop",
            label_probabilities=None if at is None else self._label_probabilities(answer.logprobs[at]),
        )

    def _label_probabilities(self, logprobs: dict) -> tuple[float, ...]:
        """Return p(label), where the likeliest tokens alone are listed."""
        return listed_label_shares(self.labels, {token: entry.logprob for token, entry in logprobs.items()})
