"""What a group acts on: spaces made of factors, and mappings between two of them."""
