"""One sentence for what pydantic rejects in a body: the field, what it holds, what to send instead."""

from pydantic import ValidationError

JSON_TYPES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
EXPECTED_TYPES = {
    "string_type": "a string",
    "float_type": "a number",
    "int_type": "a whole number",
    "list_type": "a list",
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
}
SENTENCES = {
    "missing": "{path} is missing",
    "string_unicode": "{path} holds a lone surrogate; send valid Unicode",
    "string_pattern_mismatch": "{path} is blank",
    "string_too_long": "{path} has {length} characters; at most {max_length} are taken",
    "string_too_short": "{path} has {length} characters; at least {min_length} are needed",
    "too_long": "{path} has {length} entries; at most {max_length} are taken",
    "too_short": "{path} has {length} entries; give at least {min_length}",
    "finite_number": "{path} is {value}; give a finite number",
    "extra_forbidden": "{path} is not known here",
    "literal_error": "{path} is {value!r}; give one of {expected}",
    "greater_than_equal": "{path} is {value}; give at least {ge}",
    "less_than_equal": "{path} is {value}; give at most {le}",
    "less_than": "{path} is {value}; give less than {lt}",
}
LONGEST = 80  # characters of a value that are repeated


def describe_error(error: ValidationError) -> str:
    """Describe the first fault of a body, and count the others."""
    first, *others = error.errors(include_url=False)
    return _describe_fault(first) + (f"; and {len(others)} more" if others else "")


def format_path(loc: tuple) -> str:
    """Format a path as people write it: instances[3].price."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return path.lstrip(".") or "the body"


def _describe_fault(fault: dict) -> str:
    path = format_path(fault["loc"])
    value = fault["input"]
    kind = fault["type"]
    if kind == "value_error":  # our own, which names its field where it belongs to none
        return f"{path} {fault['ctx']['error']}" if fault["loc"] else str(fault["ctx"]["error"])
    if kind in EXPECTED_TYPES:
        return f"{path} is {_json_type(value)}; give {EXPECTED_TYPES[kind]}"
    if kind not in SENTENCES:
        return f"{path}: {fault['msg']}"
    context = dict(fault.get("ctx", {}))
    context["expected"] = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    context["length"] = len(value) if isinstance(value, str | list) else 0
    return SENTENCES[kind].format(path=path, value=_shorten(value), **context)


def _json_type(value) -> str:
    return "null" if value is None else JSON_TYPES.get(type(value), f"a {type(value).__name__}")


def _shorten(value):
    return value[:LONGEST] if isinstance(value, str) else value
