"""Says what pydantic found wrong with a body in one sentence: which field, what it holds, what to give instead."""

from pydantic import ValidationError

KINDS = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
WANTED = {
    "string_type": "a string",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
}
SAID = {
    "missing": "{place} is missing",
    "string_unicode": "{place} holds a lone surrogate; send valid Unicode",
    "string_pattern_mismatch": "{place} is blank",
    "string_too_long": "{place} has {length} characters; at most {max_length} are taken",
    "string_too_short": "{place} has {length} characters; at least {min_length} are needed",
    "too_long": "{place} has {length} entries; at most {max_length} are taken",
    "too_short": "{place} has {length} entries; give at least {min_length}",
    "finite_number": "{place} is {value}; give a finite number",
    "extra_forbidden": "{place} is not known here",
    "literal_error": "{place} is {value!r}; give one of {expected}",
    "greater_than_equal": "{place} is {value}; give at least {ge}",
    "less_than_equal": "{place} is {value}; give at most {le}",
    "less_than": "{place} is {value}; give less than {lt}",
}
LONGEST = 80  # characters of a value that are repeated


def sentence(error: ValidationError) -> str:
    """The first thing that is wrong, and how many there are besides."""
    first, *others = error.errors(include_url=False)
    return _said(first) + (f"; and {len(others)} more" if others else "")


def place(loc: tuple) -> str:
    """A path as people write it: instances[3].price."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.lstrip(".") or "the body"


def _said(found: dict) -> str:
    where, value, kind = place(found["loc"]), found["input"], found["type"]
    if kind == "value_error":  # our own, which names its field where it belongs to none
        return f"{where} {found['ctx']['error']}" if found["loc"] else str(found["ctx"]["error"])
    if kind in WANTED:
        return f"{where} is {_kind(value)}; give {WANTED[kind]}"
    if kind not in SAID:
        return f"{where}: {found['msg']}"
    known = dict(found.get("ctx", {}))
    known["expected"] = str(known.get("expected", "")).replace("'", "").replace(" or ", ", ")
    known["length"] = len(value) if isinstance(value, str | list) else 0
    return SAID[kind].format(place=where, value=_short(value), **known)


def _kind(value) -> str:
    return "null" if value is None else KINDS.get(type(value), f"a {type(value).__name__}")


def _short(value):
    return value[:LONGEST] if isinstance(value, str) else value
