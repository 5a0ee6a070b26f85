"""A champion on its way into MLflow's model registry, without an active run."""

from __future__ import annotations

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import mlflow
from mlflow import MlflowClient
from mlflow.entities import LoggedModel, LoggedModelOutput
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.tracking._tracking_service.utils import _use_tracking_uri
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import AnyType

from sweepspot.protocols import RegisteredModel
from sweepspot.tracking.entries import fingerprint

__all__ = ["ALIAS", "register", "signature"]

ALIAS = "champion"
_FINGERPRINT = "sweepspot.fingerprint"
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
        with _use_tracking_uri(client.tracking_uri):
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
