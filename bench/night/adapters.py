"""The size of what tunings of the paper's teacher leave, by arithmetic: LoRA on all linear layers of Qwen3-14B."""

from pipelines.profiles import paper

# Qwen/Qwen3-14B, config.json: the inputs and outputs of a layer's seven products
LAYERS = 40
HIDDEN = 5120
HEADS = 40 * 128
KEY_VALUE_HEADS = 8 * 128
INTERMEDIATE = 17408
PRODUCTS = (
    (HIDDEN, HEADS),
    (HIDDEN, KEY_VALUE_HEADS),
    (HIDDEN, KEY_VALUE_HEADS),
    (HEADS, HIDDEN),
    (HIDDEN, INTERMEDIATE),
    (HIDDEN, INTERMEDIATE),
    (INTERMEDIATE, HIDDEN),
)
BFLOAT16 = 2
ADAPTERS = 2  # of a night: SFT's and DPO's; the base is tuned on no exemplars


def adapter_bytes() -> int:
    """Return the bytes of one tuning's matrices, in bfloat16."""
    numbers = sum(inputs + outputs for inputs, outputs in PRODUCTS)
    return LAYERS * paper().sft.rank * numbers * BFLOAT16
