"""The proof: integers decide, floats confirm."""
