"""Which precision a machine computes fastest in."""

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def is_fast_in_bf16() -> bool:
    """Return True on a GPU, with AMX, and on an AMD processor with AVX512_BF16.

    CPU seconds in bf16 over those in float32 (2026-11): AMD EPYC with AVX512_BF16 0.57 (student's step), 0.70
    (teacher's step), 0.58 (generation); an Intel Xeon with AVX512_BF16 and no AMX 1.4 (student) and 1.6 (teacher).
    """
    import torch

    if torch.cuda.is_available():
        return True
    units = torch.cpu.get_capabilities()
    return bool(units.get("amx_bf16")) or bool(units.get("avx512_bf16") and is_amd())


def is_amd() -> bool:
    """Return whether Linux names AMD as the processor's maker."""
    if platform.system() != "Linux":
        return False
    lines = (line.split(":", 1) for line in CPUINFO.read_text().splitlines() if ":" in line)
    return any(name.strip() == "vendor_id" and value.strip() == "AuthenticAMD" for name, value in lines)
