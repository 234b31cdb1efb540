"""What a layer is given: its declaration, the shape of its features, their masks and signs."""
