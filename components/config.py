"""Configurations as JSON text: Kubeflow gives a dict back with floats for integers."""

import json
from dataclasses import asdict, fields


class JsonConfig:
    """Mixin of frozen dataclasses that go to JSON text and come back."""

    def to_json(self) -> str:
        """Return the configuration as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str):
        """Read what `to_json` wrote.

        Raises:
            ValueError: a field that this configuration does not have.
        """
        values = json.loads(text)
        unknown = values.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {sorted(unknown)}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
