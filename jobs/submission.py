"""A command of Echolake as an application of its own under spark-submit (spark.remote: classic)."""

import json
import os
import pickle
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.errors import DataError, LakeBusyError
from jobs.settings import ROOT, Settings

if TYPE_CHECKING:
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

SCRIPT = ROOT / "scripts/submit.py"
"""Outside of the package, as spark-submit puts its folder before all others on Python's path."""

GATEWAY = "PYSPARK_GATEWAY_PORT"
"""Set by spark-submit, for the Python that it starts."""


def is_inside() -> bool:
    """Whether this process runs under spark-submit."""
    return GATEWAY in os.environ


def is_due(settings: Settings) -> bool:
    """Whether work with Spark has to be submitted from here."""
    return settings.configuration.spark.remote == "classic" and not is_inside()


def step(function: str, settings: Settings, /, **arguments: str) -> Any:
    """Runs a step of a night under spark-submit; returns what it returns.

    Raises:
        DataError, LakeBusyError: as the function raises them in the other process.
    """
    # A folder for the owner alone; what is read from it runs code.
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer")
        try:
            submit(["step", function, json.dumps(arguments), str(answer)], settings)
        except Exception:
            if not answer.exists():
                raise
        result = pickle.loads(answer.read_bytes())
    if isinstance(result, Exception):
        raise result
    return result


def answer(name: str, arguments: dict[str, str], file: Path) -> int:
    """Under spark-submit: runs the step and writes down what it came to; returns the exit code."""
    from datetime import date

    from jobs import night, ranges

    steps: dict[str, Callable[..., Any]] = {
        step.__name__: step for step in (night.run_table, night.train_model, night.maintain, ranges.backfill)
    }
    days = {key: date.fromisoformat(value) for key, value in arguments.items() if key in ("date", "first", "last")}
    result: Any
    try:
        result = steps[name](**{**arguments, **days})
    except (DataError, LakeBusyError) as error:
        result = error
    file.write_bytes(pickle.dumps(result))
    return int(isinstance(result, Exception))


def submit(arguments: list[str], settings: Settings) -> None:
    """Runs a command of `python -m jobs` under spark-submit to its end.

    Raises:
        RuntimeError: it ended with an error, which its output tells.
    """
    from jobs import databases, spark_conf
    from jobs.session import java_home

    with tempfile.TemporaryDirectory() as folder:
        properties = Path(folder, "spark.conf")
        spark_conf.write(settings, properties)
        variables = {**spark_conf.python_environment(), "JAVA_HOME": java_home()}
        variables["PATH"] = f"{variables['SPARK_HOME']}/bin:{os.environ.get('PATH', '')}"
        # By the environment alone: what the hook is given may become options of a command line.
        os.environ |= databases.known_to_airflow(settings)
        if settings.configuration.spark.connection:
            _hook(settings.configuration.spark.connection, arguments, properties, variables).submit(str(SCRIPT))
            return
        command = ["spark-submit", "--properties-file", str(properties), str(SCRIPT), *arguments]
        # The master is spark.master of the properties.
        code = subprocess.run(command, env={**os.environ, **variables}, check=False).returncode
    if code:
        raise RuntimeError(f"spark-submit ended with {code}; its output says why")


def _hook(connection: str, arguments: list[str], properties: Path, variables: dict[str, str]) -> "SparkSubmitHook":
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

    # Airflow's connection says where: master, queue, deploy mode.
    return SparkSubmitHook(
        conn_id=connection,
        name="echolake",
        application_args=arguments,
        properties_file=str(properties),
        env_vars=variables,
    )
