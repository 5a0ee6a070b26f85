"""A champion on its way into MLflow's model registry, without an active run."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.tracking._tracking_service.utils import _use_tracking_uri
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType

from sweepspot.protocols import Model as LoadedModel
from sweepspot.protocols import RegisteredModel, Reigning
from sweepspot.tracking.entries import fingerprint

__all__ = ["ALIAS", "ambient", "register", "reigning", "signature"]

ALIAS = "champion"
_NAMED = "MLFLOW_TRACKING_URI"
_FINGERPRINT = "sweepspot.fingerprint"
# A name that is not registered, and one without the alias.
_NO_CHAMPION = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_OUTPUTS = {"integer": DataType.long, "number": DataType.double, "text": DataType.string}


def register(
    client: MlflowClient, model: RegisteredModel, *, experiment_id: str, run_id: str
) -> str:
    """Store a model with a run, register it and point the alias at it; once for each content.

    Returns:
        The version in the registry.
    """
    digest = fingerprint(model)
    version = _registered(client, model.name, run_id, digest)
    if version is None:
        logged = _log_model(client, model, experiment_id=experiment_id, run_id=run_id)
        # The client looks a `models:/` source up in the process's store, not in its own.
        with ambient(client.tracking_uri):
            made = client.create_model_version(
                model.name,
                # A database would look `models:/<id>` up in the ambient tracking URI.
                source=logged.artifact_location,
                run_id=run_id,
                model_id=logged.model_id,
                tags={**model.tags, _FINGERPRINT: digest},
                description=model.description,
            )
        version = str(made.version)
    client.set_registered_model_alias(model.name, ALIAS, version)
    return version


@contextmanager
def ambient(uri: str) -> Iterator[None]:
    """Make a store the process's own for a while; MLflow's manager drops the environment's."""
    named = os.environ.pop(_NAMED, None)
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        os.environ.pop(_NAMED, None)
        if named is not None:
            os.environ[_NAMED] = named


def reigning(client: MlflowClient, name: str) -> Reigning | None:
    """Return the version of a name that has the alias, None when none has."""
    try:
        found = client.get_model_version_by_alias(name, ALIAS)
    except MlflowException as exc:
        if exc.error_code in _NO_CHAMPION:
            return None
        raise
    version = str(found.version)
    return Reigning(
        version=version,
        tags=dict(found.tags),
        load=lambda: _load(client.tracking_uri, f"models:/{name}/{version}"),
    )


def _load(tracking_uri: str, source: str) -> LoadedModel:
    """Load a version for probabilities, or values, and what it says about its target."""
    with ambient(tracking_uri), warnings.catch_warnings():
        # Other versions of a requirement are worth a warning where it is served, not here.
        warnings.simplefilter("ignore")
        loaded = mlflow.pyfunc.load_model(source)
    meta = getattr(_python_model(loaded), "meta", {})

    def answer(rows: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return loaded.predict(rows, params={"output": "probabilities"})

    return LoadedModel(answer=answer, target=meta.get("target", {}))


def _python_model(loaded: Any) -> Any:
    """Return the object behind a model from code, None behind a model of another flavour."""
    try:
        return loaded.unwrap_python_model()
    except MlflowException:
        return None


def signature(model: RegisteredModel) -> ModelSignature:
    """Describe what the model takes and gives.

    Columns are named but of any type: MLflow lets no whole number into a column of doubles, so
    the model file casts. An array has no input schema, because one of a tensor takes one dtype.
    """
    anything = AnyType()  # type: ignore[no-untyped-call]
    columns: list[ColSpec | TensorSpec] = [
        ColSpec(anything, name, required=False) for name, _ in model.columns
    ]
    return ModelSignature(
        inputs=Schema(columns) if columns else None,
        outputs=Schema([ColSpec(_OUTPUTS[model.output])]),
        params=ParamSchema([ParamSpec("output", DataType.string, "predictions")]),
    )


def _registered(client: MlflowClient, name: str, run_id: str, digest: str) -> str | None:
    """Return the version that this model already has; make its name when it is new."""
    try:
        client.create_registered_model(name)
    except MlflowException as exc:
        if exc.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    found = client.search_model_versions(f"name = '{name}'")
    same = (v for v in found if v.run_id == run_id and v.tags.get(_FINGERPRINT) == digest)
    return next((str(version.version) for version in same), None)


def _log_model(
    client: MlflowClient, model: RegisteredModel, *, experiment_id: str, run_id: str
) -> LoggedModel:
    logged = client.create_logged_model(experiment_id, name=model.name, source_run_id=run_id)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # Importing mlflow.pyfunc and saving an example warn about MLflow's own type hints.
        warnings.simplefilter("ignore")
        path = Path(folder, "model")
        mlflow.pyfunc.save_model(
            str(path),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
            python_model=str(model.code),
            artifacts={name: str(file) for name, file in model.artifacts.items()},
            signature=signature(model),
            input_example=model.input_example,
            # Inferring them would load TensorFlow once more, for 15 seconds.
            pip_requirements=list(model.requirements),
        )
        client.log_model_artifacts(logged.model_id, str(path))
    client.finalize_logged_model(logged.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return logged
