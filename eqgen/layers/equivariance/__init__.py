"""Does a function, a layer or a model move with its inputs, and if not, what breaks it?"""
