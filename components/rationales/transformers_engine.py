"""The engine for any machine: transformers' models, with batches of our own."""

import copy
from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

from components.label_shares import label_shares
from components.perspectives import pattern
from components.precision import is_fast_in_bf16
from components.rationales.engine import (
    Completion,
    EngineConfig,
    label_position,
    label_tokens,
    too_long,
)
from components.rationales.prompt_groups import common_stem, group_prompts, shared_prefix
from components.teacher_prompt import render_chat


class TransformersEngine:
    """Completes prompts in batches, longest first.

    xgrammar constrains the output where that is asked for. Prompts that begin alike share the keys and values of their
    beginning: those of a pair, and in few-shot prompts those of a perspective.
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
        self.decoding = self._decoding()
        self.prefix: list[int] = []
        self.prefix_cache = None

    def _decoding(self):
        """Return what is the same for all batches."""
        from components.rationales.decoding import Decoding, Sampling

        sampling = self.config.sampling
        ends = self.model.generation_config.eos_token_id  # a number, several, or none
        stop_tokens = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        return Decoding(
            model=self.model,
            padding=self.tokenizer.pad_token_id,
            stop_tokens=frozenset(stop_tokens),
            watched_tokens=self.labels,
            max_new_tokens=self.config.max_new_tokens,
            sampling=Sampling(**{name: sampling[name] for name in ("temperature", "top_k", "top_p", "min_p")}),
        )

    def render(self, messages: list[dict]) -> str:
        return render_chat(self.tokenizer, messages)

    def complete(self, texts: Sequence[str], forced_prefixes: Sequence[str]) -> list[Completion]:
        rows = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        results = [too_long(len(row)) for row in rows]
        fitting = [number for number, row in enumerate(rows) if len(row) < self.config.max_length]
        batches = group_prompts(
            [texts[number] for number in fitting],
            [forced_prefixes[number] for number in fitting],
            [len(rows[number]) for number in fitting],
            self.config.batch_size,
        )
        for batch in batches:
            groups = [list(map(fitting.__getitem__, group)) for group in batch]
            completions = self._complete_batch(groups, rows, forced_prefixes)
            for number, completion in zip(chain.from_iterable(groups), completions, strict=True):
                results[number] = completion
        return results

    def _complete_batch(
        self, groups: list[list[int]], rows: Sequence[list[int]], forced_prefixes: Sequence[str]
    ) -> list[Completion]:
        """Read each group's beginning once, and continue its rows."""
        from components.rationales.decoding import Batch, decode

        stems = [common_stem(list(map(rows.__getitem__, group))) for group in groups]
        numbers = list(chain.from_iterable(groups))
        owners = [n for n, group in enumerate(groups) for _ in group]
        tails = [rows[number][len(stems[owner]) :] for number, owner in zip(numbers, owners, strict=True)]
        prefix = shared_prefix(stems)
        prefixes = [forced_prefixes[number] for number in numbers]
        with self.torch.inference_mode():
            mask = self.torch.ones((len(stems), len(prefix)), dtype=self.torch.long, device=self.model.device)
            batch = Batch(self.decoding, self._cache(prefix, len(stems)), mask)
            if max(map(len, stems)) > len(prefix):
                batch.read([stem[len(prefix) :] for stem in stems])
            batch.select(owners)
            answers = decode(batch, tails, self._processors(prefixes), [rows[number] for number in numbers])
        return [
            self._completion(prefix, len(rows[number]), answer)
            for number, prefix, answer in zip(numbers, prefixes, answers, strict=True)
        ]

    def _cache(self, prefix: list[int], batch: int):
        """Return a prefix's keys and values for a batch, computed once a prefix."""
        from transformers import DynamicCache

        if not prefix:
            return DynamicCache()
        if prefix != self.prefix:
            ids = self.torch.tensor([prefix], device=self.model.device)
            self.prefix_cache = self.model(ids, use_cache=True, logits_to_keep=1).past_key_values
            self.prefix = prefix
        cache = copy.deepcopy(self.prefix_cache)
        cache.batch_repeat_interleave(batch)
        return cache

    def _completion(self, forced_prefix: str, tokens_in: int, answer) -> Completion:
        """Return a row's answer as text, with p(label) where it names a label."""
        at = label_position(answer.tokens, self.labels)
        probabilities = None if at is None else label_shares(answer.logits[at])
        text = forced_prefix + self.tokenizer.decode(answer.tokens, skip_special_tokens=True)
        reason = "stop" if answer.has_ended else "length"
        return Completion(text, tokens_in, len(answer.tokens), reason, probabilities)

    def _processors(self, forced_prefixes: Sequence[str]) -> list:
        """Return what changes the scores of the next token: a penalty of repetition, the grammar."""
        from transformers import RepetitionPenaltyLogitsProcessor

        processors = []
        if self.config.repetition_penalty != 1:
            processors.append(RepetitionPenaltyLogitsProcessor(self.config.repetition_penalty))
        if self.config.use_grammar:
            from xgrammar.contrib.hf import LogitsProcessor

            patterns = [pattern(prefix, self.config.characters) for prefix in forced_prefixes]
            processors.append(LogitsProcessor([self._compiler.compile_regex(each) for each in patterns]))
        return processors

    @cached_property
    def _compiler(self):
        import xgrammar

        info = xgrammar.TokenizerInfo.from_huggingface(self.tokenizer, vocab_size=self.model.config.vocab_size)
        return xgrammar.GrammarCompiler(info)
