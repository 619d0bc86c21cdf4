"""Which prompts are read together: those of a pair, that differ in their forced prefix alone, share their beginning."""

from collections.abc import Iterator, Sequence

MIN_PREFIX = 32  # tokens of a shared prefix that are worth a cache


def shared_prefix(rows: Sequence[list[int]]) -> list[int]:
    """Return the tokens that all rows begin with, short of any row's last.

    It is empty where they are too few to matter.
    """
    prefix = common_stem(rows)
    return prefix if len(prefix) >= MIN_PREFIX and len(rows) > 1 else []


def common_stem(rows: Sequence[list[int]]) -> list[int]:
    """Return the tokens that all rows begin with, short of any row's last."""
    first = min(rows)
    last = max(rows)
    differing = (n for n, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1])
    shortest = min(map(len, rows))
    return first[: min(next(differing, len(first)), shortest - 1)]


def group_prompts(
    texts: Sequence[str], forced_prefixes: Sequence[str], sizes: Sequence[int], batch_size: int
) -> list[list[list[int]]]:
    """Divide prompts, by number, into batches of groups.

    A group's texts differ in their forced prefix alone. The longest come first. Prompts that are alone are batched by
    forced prefix: few-shot prompts of one perspective begin alike.
    """
    groups: dict[str, list[int]] = {}
    for number, (text, prefix) in enumerate(zip(texts, forced_prefixes, strict=True)):
        groups.setdefault(text.removesuffix(prefix), []).append(number)
    by_head: dict[str, list[list[int]]] = {}
    for group in groups.values():
        head = forced_prefixes[group[0]] if len(group) == 1 else ""
        by_head.setdefault(head, []).extend(split(group, batch_size))
    batches = []
    for head in sorted(by_head):
        batches += fill_batches(sorted(by_head[head], key=lambda group: -sizes[group[0]]), batch_size)
    return batches


def split(group: list[int], size: int) -> Iterator[list[int]]:
    """Yield the parts of a group that are no larger than a batch."""
    for first in range(0, len(group), size):
        yield group[first : first + size]


def fill_batches(groups: Sequence[list[int]], size: int) -> Iterator[list[list[int]]]:
    """Yield batches of whole groups, of so many prompts at most."""
    batch: list[list[int]] = []
    for group in groups:
        if batch and sum(map(len, batch)) + len(group) > size:
            yield batch
            batch = []
        batch.append(group)
    if batch:
        yield batch
