"""Engines on this machine, for trying and testing: a Flink cluster, and Prism."""
