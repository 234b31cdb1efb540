"""The declaration language: text to syntax tree, and messages that point at the character."""
