"""Configurations travel between steps as JSON text and come back the same."""

from dataclasses import dataclass

import pytest

from components.config import JsonConfig


@dataclass(frozen=True)
class Example(JsonConfig):
    """A configuration of everything that configurations are made of."""

    pairs: int = 3
    share: float = 0.5
    name: str = "ümlaut"
    stages: tuple = (0.0, 0.5)


def test_a_configuration_survives_json():
    back = Example.from_json(Example(pairs=7, stages=(1, 2)).to_json())
    assert back == Example(pairs=7, stages=(1, 2))
    assert type(back.pairs) is int and type(back.stages) is tuple


def test_fields_that_are_not_said_keep_their_defaults():
    assert Example.from_json('{"share": 0.1}') == Example(share=0.1)


def test_the_same_configuration_is_the_same_text():
    assert Example(pairs=1, share=0.2).to_json() == Example(share=0.2, pairs=1).to_json()


def test_an_unknown_field_is_refused_by_name():
    with pytest.raises(ValueError, match=r"Example has no field \['pears'\]"):
        Example.from_json('{"pears": 3}')
