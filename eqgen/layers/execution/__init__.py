"""How a program runs on the backend of Keras."""
