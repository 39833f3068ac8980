"""What a Spark is told before it starts: conf/spark.yaml, its jars, the storage of the lake, a cluster's secret."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jobs import storage
from jobs.errors import DataError
from jobs.settings import ROOT, Settings
from jobs.whole_files import put

AUTH_SECRET = "_SPARK_AUTH_SECRET"
"""Spark's own variable of the secret that driver, master and workers share; masters and workers read it themselves."""


def properties(settings: Settings) -> dict[str, str]:
    """Spark's properties by name, for a driver of this checkout.

    Raises:
        DataError: something is on S3, and the jars for that were not fetched.
    """
    configured = settings.configuration.spark.conf
    is_local = str(configured.get("spark.master", "local")).startswith("local")
    conf: dict[str, Any] = {
        "spark.local.dir": settings.local / "spark",
        "spark.sql.warehouse.dir": settings.local / "spark/warehouse",
        **configured,
        "spark.driver.extraJavaOptions": _java_options(configured.get("spark.driver.extraJavaOptions", "")),
    }
    folders = _folders(settings)
    if storage.is_on_s3(settings):
        conf = {**storage.spark_conf(), **conf}
    # On the class path rather than in spark.jars: nothing is copied or asked for over RPC.
    conf["spark.driver.extraClassPath"] = ":".join(f"{folder}/*" for folder in folders)
    if not is_local:
        # Executors elsewhere get them from the driver. Its Python, and so this project, lie there under the same path.
        conf.setdefault("spark.jars", ",".join(map(str, _jars(folders))))
    if conf.get("spark.authenticate") and os.environ.get(AUTH_SECRET):
        # A driver takes it from its properties alone.
        conf["spark.authenticate.secret"] = os.environ[AUTH_SECRET]
    return as_texts(conf)


def jars(settings: Settings) -> list[Path]:
    """All that stands on the class path of a driver of this checkout."""
    return _jars([*_folders(settings), Path(python_environment()["SPARK_HOME"], "jars")])


def write(settings: Settings, file: Path) -> None:
    """Writes the properties as spark-submit reads them, for the owner alone, as they may hold a secret."""
    # What does not fit in memory is spilled there, before it is free of personal data.
    (settings.local / "spark").mkdir(mode=0o700, parents=True, exist_ok=True)
    (settings.local / "spark").chmod(0o700)
    file.parent.mkdir(parents=True, exist_ok=True)
    put(file, text(settings).encode(), 0o600)


def text(settings: Settings) -> str:
    """The properties as spark-submit reads them."""
    # As of all properties of Java a backslash says that the next sign is meant otherwise.
    escaped = {key: value.replace("\\", "\\\\") for key, value in properties(settings).items()}
    return "".join(f"{key} {value}\n" for key, value in escaped.items())


def python_environment() -> dict[str, str]:
    """Variables with which a driver finds this project and its Python."""
    import sys

    import pyspark

    return {
        "SPARK_HOME": str(Path(pyspark.__file__).parent),
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        # What a driver binds to where nothing else is said.
        "SPARK_LOCAL_IP": "127.0.0.1",
        # With two workers on two cores more threads a worker are 4 to 5 times slower.
        "OMP_NUM_THREADS": "1",
    }


def as_texts(conf: Mapping[str, Any]) -> dict[str, str]:
    """Values of YAML as Spark takes its properties, and its readers their options."""
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in conf.items()}


def _folders(settings: Settings) -> list[Path]:
    """The folders of jars beside Spark's own."""
    own = settings.local / "jars"
    return [own, _s3_jars(settings)] if storage.is_on_s3(settings) else [own]


def _jars(folders: Sequence[Path]) -> list[Path]:
    return [jar for folder in folders for jar in sorted(folder.glob("*.jar"))]


def _java_options(more: str) -> str:
    return f"-Dlog4j2.configurationFile={ROOT / 'conf/log4j2.properties'} {more}".strip()


def _s3_jars(settings: Settings) -> Path:
    folder = settings.local / "jars-s3"
    if not folder.exists():
        raise DataError(
            "S3",
            expected="the jars with which Spark reads S3",
            found=f"none in {folder}",
            todo="make s3 fetches them (13 MB)",
        )
    return folder
