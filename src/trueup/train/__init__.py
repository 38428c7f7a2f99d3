"""Callbacks for training runs. The only area that imports transformers and torch."""
