"""Points that are not there and entries that nobody knows: what masks say, and means over what is left."""
