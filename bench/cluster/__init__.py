"""The cluster suite on doubles and on real control planes, in figures: `python -m bench.cluster.measure`."""
