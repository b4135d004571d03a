"""Measurements against peers: ratios in one run, JSON out, each peer at its best setting. Never part of the tests."""
