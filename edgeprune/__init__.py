"""edgeprune: prune a Keras CNN, compile it to int8 C, put it on a board, measure it there.

`pipeline.py` is the flow as code; read it first. Importing this package imports nothing heavy.
"""

__version__ = "0.1.0"
