"""Hyperparameter sweeps for Keras that say why a run is worse than it could be."""

import os

# Read by the libraries when they are first imported, so it has to be said before that. TensorFlow
# logs its search for a GPU as errors; MLflow reports usage to its makers unless it is told not to.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
