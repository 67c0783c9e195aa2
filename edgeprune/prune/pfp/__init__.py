"""Provable filter pruning: how much each input channel of a layer can matter, and how many must stay."""
