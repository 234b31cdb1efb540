"""Operators: the small linear maps that pools and spreads are made of. A spread is the transpose of one of these.

The rows of an operator are those of a smaller or a transformed space, its columns the points of an input or output space.
"""
