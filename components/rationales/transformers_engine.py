"""The engine for any machine: transformers' own batched generation."""

import copy
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from components.rationales.engine import Completion, EngineConfig, label_tokens, shares, too_long
from components.rationales.perspectives import pattern
from components.teacher_prompt import rendered

WORTH = 32  # tokens of a shared prefix that are worth a cache


def shared_prefix(rows: Sequence[list[int]]) -> list[int]:
    """The tokens that all rows begin with, short of any row's last; none where they are too few to matter."""
    first, last = min(rows), max(rows)
    at = next((n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), len(first))
    at = min(at, min(map(len, rows)) - 1)
    return first[:at] if at >= WORTH and len(rows) > 1 else []


class TransformersEngine:
    """Batched `generate`, longest prompts first; the grammar is kept by xgrammar where it is asked for.

    Prompts that begin alike share the keys and values of their beginning.
    """

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
        self.prefix, self.values = [], None

    def render(self, messages: list[dict]) -> str:
        return rendered(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], openings: Sequence[str]) -> list[Completion]:
        sizes = [len(ids) for ids in self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]
        results = [too_long(size) for size in sizes]
        fitting = [index for index, size in enumerate(sizes) if size < self.config.max_length]
        order = sorted(fitting, key=lambda i: (openings[i], -sizes[i]))
        while order:  # a batch shares one opening, so one grammar
            size = next((n for n, i in enumerate(order) if openings[i] != openings[order[0]]), len(order))
            batch, order = order[: min(size, self.config.batch_size)], order[min(size, self.config.batch_size) :]
            for index, completion in zip(
                batch, self._batch([texts[i] for i in batch], openings[batch[0]]), strict=True
            ):
                results[index] = completion
        return results

    def _batch(self, texts: list[str], opening: str) -> list[Completion]:
        rows = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        shared = shared_prefix(rows)
        ids, mask = self._padded(rows, len(shared))
        sampling = {"do_sample": False}
        if self.config.temperature > 0:
            sampling = {"do_sample": True, "temperature": self.config.temperature, "top_p": self.config.top_p}
        with self.torch.inference_mode():
            output = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=self._cache(shared, len(rows)),
                **sampling,
                max_new_tokens=self.config.max_new_tokens,
                pad_token_id=self.tokenizer.pad_token_id,
                logits_processor=self._grammar(opening),
                return_dict_in_generate=True,
                output_logits=True,
            )
        written = output.sequences[:, ids.shape[1] :]
        return [
            self._completion(row, i, len(rows[i]), output.logits, opening) for i, row in enumerate(written.tolist())
        ]

    def _padded(self, rows: list[list[int]], shared: int) -> tuple:
        """Token ids and mask (B, T); what pads stands behind the shared prefix and before the rest of each row."""
        longest = max(map(len, rows))
        ids, mask = [], []
        for row in rows:
            pad = longest - len(row)
            ids.append(row[:shared] + [self.tokenizer.pad_token_id] * pad + row[shared:])
            mask.append([1] * shared + [0] * pad + [1] * (len(row) - shared))
        device = self.model.device
        return self.torch.tensor(ids, device=device), self.torch.tensor(mask, device=device)

    def _cache(self, shared: list[int], batch: int):
        """Keys and values of a prefix for a batch; they are computed once for all batches that begin with it."""
        if not shared:
            return None
        if shared != self.prefix:
            with self.torch.inference_mode():
                ids = self.torch.tensor([shared], device=self.model.device)
                self.prefix, self.values = shared, self.model(ids, use_cache=True).past_key_values
        values = copy.deepcopy(self.values)
        values.batch_repeat_interleave(batch)
        return values

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
