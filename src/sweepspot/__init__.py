"""Hyperparameter sweeps for Keras that say why a run is worse than it could be."""
