"""What every other package may use, and what knows nothing of groups: errors, arrays, components, cache, memory."""
