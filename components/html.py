"""Pages and cards from Jinja templates."""

from collections.abc import Callable, Mapping
from pathlib import Path

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Undefined


def render(
    template: Path, context: Mapping, filters: Mapping[str, Callable] | None = None, allow_missing: bool = False
) -> str:
    """Render one template file, which may include the templates next to it.

    Values are escaped in `.html.j2` and left as they are in other files, such as Markdown. With `allow_missing`, a
    value that the context lacks is empty at any depth.
    """
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=".html" in template.suffixes,
        undefined=ChainableUndefined if allow_missing else Undefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(template.name).render(context)


def percent(value: float | None, digits: int = 1, missing: str = "–") -> str:
    """Format a share as a percentage, with a dash for None."""
    return missing if value is None else f"{100 * value:.{digits}f}%"
