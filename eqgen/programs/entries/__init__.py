"""Entries: the numbers that mix channels, as linear combinations of the parameters of the orbits."""
