"""The engine for any machine: transformers' own batched generation."""

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from components.precision import is_fast_in_bf16
from components.rationales.engine import (
    Completion,
    EngineConfig,
    label_position,
    label_shares,
    label_tokens,
    too_long,
)
from components.rationales.perspectives import pattern
from components.teacher_prompt import render_chat

MIN_PREFIX = 32  # tokens of a shared prefix that are worth a cache


def shared_prefix(rows: Sequence[list[int]]) -> list[int]:
    """Return the tokens that all rows begin with, short of any row's last.

    It is empty where they are too few to matter.
    """
    first = min(rows)
    last = max(rows)
    differing = (n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1])
    shortest = min(map(len, rows))
    size = min(next(differing, len(first)), shortest - 1)
    return first[:size] if size >= MIN_PREFIX and len(rows) > 1 else []


class TransformersEngine:
    """Batched `generate`, longest prompts first.

    xgrammar constrains the output where that is asked for. Prompts that begin alike share the keys and values of their
    beginning.
    """

    name = "transformers"

    def __init__(self, model: str | Path, config: EngineConfig):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        torch.manual_seed(config.seed)
        self.config = config
        self.torch = torch
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        precision = torch.bfloat16 if is_fast_in_bf16() else "auto"
        self.model = AutoModelForCausalLM.from_pretrained(model, dtype=precision).eval()
        if torch.cuda.is_available():
            self.model = self.model.cuda()
        self.labels = label_tokens(self.tokenizer)
        self.prefix: list[int] = []
        self.prefix_cache = None

    def render(self, messages: list[dict]) -> str:
        return render_chat(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        sizes = [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
        results = [too_long(size) for size in sizes]
        for batch in self._batches(sizes, forced_prefixes):
            completions = self._complete_batch([texts[i] for i in batch], forced_prefixes[batch[0]])
            for index, completion in zip(batch, completions, strict=True):
                results[index] = completion
        return results

    def _batches(self, sizes: Sequence[int], forced_prefixes: Sequence[str]) -> list[list[int]]:
        """Divide the prompts that fit into batches of one forced prefix each."""
        by_prefix: dict[str, list[int]] = {}
        for index, size in enumerate(sizes):
            if size < self.config.max_length:
                by_prefix.setdefault(forced_prefixes[index], []).append(index)
        batches = []
        for prefix in sorted(by_prefix):
            order = sorted(by_prefix[prefix], key=lambda index: -sizes[index])
            step = self.config.batch_size
            batches += [order[first : first + step] for first in range(0, len(order), step)]
        return batches

    def _complete_batch(self, texts: list[str], forced_prefix: str) -> list[Completion]:
        rows = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        prefix = shared_prefix(rows)
        ids, mask = self._pad(rows, len(prefix))
        with self.torch.inference_mode():
            output = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=self._cache(prefix, len(rows)),
                **self._sampling(),
                max_new_tokens=self.config.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                logits_processor=self._grammar(forced_prefix),
                return_dict_in_generate=True,
                output_logits=True,
            )
        new_rows = output.sequences[:, ids.shape[1] :].tolist()
        completions = []
        for n, new_row in enumerate(new_rows):
            logits = [step_logits[n] for step_logits in output.logits]
            completions.append(self._completion(forced_prefix, len(rows[n]), new_row, logits))
        return completions

    def _sampling(self) -> dict:
        sampling = self.config.sampling
        if self.config.temperature == 0:
            return {"do_sample": False, "repetition_penalty": sampling["repetition_penalty"]}
        return {"do_sample": True, **sampling}

    def _pad(self, rows: list[list[int]], prefix: int) -> tuple:
        """Return token ids and mask (B, T), padded behind the shared prefix."""
        longest = max(map(len, rows))
        ids = []
        mask = []
        for row in rows:
            pad = longest - len(row)
            ids.append(row[:prefix] + [self.tokenizer.pad_token_id] * pad + row[prefix:])
            mask.append([1] * prefix + [0] * pad + [1] * (len(row) - prefix))
        device = self.model.device
        return self.torch.tensor(ids, device=device), self.torch.tensor(mask, device=device)

    def _cache(self, prefix: list[int], batch: int):
        """Return a prefix's keys and values for a batch, computed once a prefix."""
        if not prefix:
            return None
        if prefix != self.prefix:
            with self.torch.inference_mode():
                ids = self.torch.tensor([prefix], device=self.model.device)
                self.prefix_cache = self.model(ids, use_cache=True).past_key_values
            self.prefix = prefix
        cache = copy.deepcopy(self.prefix_cache)
        cache.batch_repeat_interleave(batch)
        return cache

    def _completion(self, forced_prefix: str, tokens_in: int, row: list[int], logits: list) -> Completion:
        has_ended = self.tokenizer.eos_token_id in row
        row = row[: row.index(self.tokenizer.eos_token_id)] if has_ended else row
        at = label_position(row, self.labels)
        probabilities = None
        if at is not None:
            probabilities = label_shares(logits[at][self.labels].float().log_softmax(-1).tolist())
        text = forced_prefix + self.tokenizer.decode(row, skip_special_tokens=True)
        return Completion(text, tokens_in, len(row), "stop" if has_ended else "length", probabilities)

    def _grammar(self, forced_prefix: str) -> list:
        if not self.config.use_grammar:
            return []
        from xgrammar.contrib.hf import LogitsProcessor

        return [LogitsProcessor(self._compiler.compile_regex(pattern(forced_prefix, self.config.characters)))]

    @cached_property
    def _compiler(self):
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(self.tokenizer, vocab_size=self.model.config.vocab_size)
        return xgrammar.GrammarCompiler(info)
