"""One sentence for a wrong body: field, fault, remedy."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.validation_errors import describe_error, format_path


class Shelf(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    width: float = Field(0.0, ge=0, allow_inf_nan=False)
    names: list[Annotated[str, Field(max_length=9)]] = Field([], max_length=2)


def describe(body) -> str:
    with pytest.raises(ValidationError) as error:
        Shelf.model_validate(body)
    return describe_error(error.value)


WRONG = [
    ({"width": "1"}, "width is a string; give a number"),
    ({"width": True}, "width is a boolean; give a number"),
    ({"width": -1.0}, "width is -1.0; give at least 0.0"),
    ({"width": float("nan")}, "width is nan; give a finite number"),
    ({"names": "a"}, "names is a string; give a list"),
    ({"names": ["a", None]}, "names[1] is null; give a string"),
    ({"names": ["a"] * 3}, "names has 3 entries; at most 2 are taken"),
    ({"names": ["\ud800"]}, "names[0] holds a lone surrogate; send valid Unicode"),
    ({"depth": 1}, "depth is not known here"),
    ([], "the body is a list; give an object"),
    ({"width": "1", "names": 2, "depth": 3}, "width is a string; give a number; and 2 more"),
]


@pytest.mark.parametrize(("body", "sentence"), WRONG, ids=[sentence for _, sentence in WRONG])
def test_a_sentence_names_field_and_remedy(body, sentence):
    assert describe(body) == sentence


def test_a_path_reads_as_people_write_it():
    assert format_path(("instances", 3, "price")) == "instances[3].price" and format_path(()) == "the body"
