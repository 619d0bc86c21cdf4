"""The last line of an installation."""

from pipelines.local.torch_build import describe_torch


def test_a_cpu_build_is_named():
    assert describe_torch("2.13.0+cpu", None) == "torch 2.13.0+cpu (CPU build)"


def test_a_cuda_build_says_what_to_set():
    assert describe_torch("2.13.0", "13.0") == (
        "torch 2.13.0 (CUDA build: no CPU wheel was found; set PIP_FIND_LINKS or "
        "UV_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu)"
    )
