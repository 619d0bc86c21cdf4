"""What a night leaves: `python -m bench.night.measure HOME`, after `make smoke RUN="--home HOME"`."""
