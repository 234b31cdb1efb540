"""The command line, its pictures and its demo."""
