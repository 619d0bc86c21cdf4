"""Says at the end of an installation which build of torch it took: `python -m pipelines.local.torch_build`."""

CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def describe_torch(version: str, cuda: str | None) -> str:
    """Return one line about torch's build, with what to set for another."""
    if cuda is None:
        return f"torch {version} (CPU build)"
    return f"torch {version} (CUDA build: no CPU wheel was found; set PIP_FIND_LINKS or UV_EXTRA_INDEX_URL={CPU_INDEX})"


def main() -> None:
    """Print the line for the installed torch."""
    import torch

    print(describe_torch(torch.__version__, torch.version.cuda))


if __name__ == "__main__":
    main()
