"""Bodies that callers might send, from nearly right to nonsense, as hypothesis strategies."""

import json

from hypothesis import strategies as st

from serving.request_schemas import MAX_ITEMS

ODD = st.sampled_from(["", " ", "\x00", "\u202e", "x" * 10_001])
TEXTS = st.one_of(st.text(max_size=20), st.sampled_from(["red shoes", "i1"]), st.text("abc ", min_size=1), ODD)
SURROGATES = st.sampled_from(["\ud800", "a\udfffb"])
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, 10**400, float("nan"), float("inf"), True])
ANYTHING = st.recursive(
    st.none() | NUMBERS | TEXTS | SURROGATES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
IDS = st.sampled_from(["i1", "i2", "i3"])


def mostly(right: st.SearchStrategy) -> st.SearchStrategy:
    """Return the right kind of value, but for one in thirty."""
    return st.integers(0, 29).flatmap(lambda number: right if number else ANYTHING)


def items() -> st.SearchStrategy:
    """Return items that come with a request."""
    texts = {name: mostly(TEXTS) for name in ("item_id", "query", "brand", "category", "attributes", "further")}
    numbers = {name: mostly(st.floats(allow_nan=False)) for name in ("price", "rating")}
    return st.fixed_dictionaries({"title": mostly(TEXTS)}, optional=texts | numbers)


def rankings() -> st.SearchStrategy:
    """Return request bodies of V1, as objects."""
    names = {name: mostly(TEXTS) for name in ("query_id", "locale", "user_id", "request_id")}
    lists = {
        "item_ids": mostly(st.lists(mostly(IDS), max_size=4)),
        "instances": mostly(st.lists(mostly(items()), max_size=3)),
    }
    rest = {
        "page_size": mostly(st.integers(0, MAX_ITEMS)),
        "query_class": mostly(st.sampled_from(["head", "torso", "tail"])),
    }
    either = st.sampled_from([["item_ids"], ["item_ids"], ["instances"], ["instances"], ["item_ids", "instances"], []])
    extra = mostly(st.just({})).map(lambda value: value if isinstance(value, dict) else {"further": value})

    def body(list_names: list[str]) -> st.SearchStrategy:
        needs = {"query": mostly(TEXTS), **{name: lists[name] for name in list_names}}
        return st.fixed_dictionaries(needs, optional=names | rest)

    return st.builds(lambda right, more: right | more, either.flatmap(body), extra)


def valid_rankings(ids: list[str]) -> st.SearchStrategy:
    """Return request bodies of V1 that a server with the items `ids` has to answer."""
    texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
    item = st.fixed_dictionaries({"title": texts}, optional={"brand": texts, "price": st.floats(0, 1e6)})
    items = {
        "item_ids": st.lists(st.sampled_from(ids), min_size=1, max_size=4, unique=True),
        "instances": st.lists(item, min_size=1, max_size=3),
    }
    optional = {"user_id": texts, "locale": st.sampled_from(["us", "jp"]), "page_size": st.integers(1, MAX_ITEMS)}
    return st.sampled_from(list(items)).flatmap(
        lambda name: st.fixed_dictionaries({"query": texts, name: items[name]}, optional=optional)
    )


def tensors() -> st.SearchStrategy:
    """Return request bodies of V2, as objects."""
    name = st.sampled_from(["query", "item_ids", "title", "price", "user_id", "page_size", "colour"])
    tensor = st.fixed_dictionaries(
        {
            "name": mostly(name),
            "shape": mostly(st.lists(st.integers(-2, 4), max_size=3)),
            "datatype": mostly(st.sampled_from(["BYTES", "FP32", "FP64", "INT64", "BOOL", "FP16", "bytes"])),
            "data": mostly(st.lists(TEXTS | NUMBERS | SURROGATES, max_size=4)),
        },
        optional={"parameters": mostly(st.dictionaries(st.text(max_size=5), TEXTS | NUMBERS, max_size=2))},
    )
    outputs = st.lists(st.fixed_dictionaries({"name": st.sampled_from(["label", "score", "colour"])}), max_size=2)
    parameters = st.dictionaries(st.text(max_size=5), NUMBERS, max_size=2)
    fields = {"id": TEXTS, "outputs": outputs, "parameters": parameters}
    optional = {name: mostly(strategy) for name, strategy in fields.items()}
    return st.fixed_dictionaries({"inputs": mostly(st.lists(mostly(tensor), max_size=4))}, optional=optional)


def encode(body) -> bytes:
    """Return a body as JSON, lone surrogates and NaN included."""
    return json.dumps(body, ensure_ascii=True).encode()
