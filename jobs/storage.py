"""Object storage: what Spark, delta-rs and everybody who opens a file are told of it, from the environment alone."""

import os
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobs.settings import Settings

S3 = "s3a://"
"""As Spark writes it; delta-rs and obstore take it too."""


def is_on_s3(settings: "Settings") -> bool:
    """Whether Spark reads or writes S3."""
    paths = (source.path or "" for source in settings.configuration.feeds.values())
    return any(root.startswith(S3) for root in (settings.lake, settings.landing, *paths))


def opened(root: str) -> str:
    """The root, or the path of a feed, as all readers take it; from then on UPath opens what lies below.

    The URI of a file is the path that it names: delta-rs and the lock take no other.
    """
    if "://" in root:
        root = root.rstrip("/")
    if root.startswith("file:"):
        return root.removeprefix("file://" if root.startswith("file://") else "file:")
    if root.startswith("s3://"):
        root = S3 + root.removeprefix("s3://")
    if root.startswith(S3):
        _register()
    return root


def spark_conf() -> dict[str, str]:
    """What Hadoop's client of S3 is told; credentials it takes from the environment itself."""
    conf = {
        # Of two drivers that write one version exactly one wins (decision 0029).
        "spark.delta.logStore.s3a.impl": "echolake.ConditionalLogStore",
        "spark.hadoop.fs.s3a.input.stream.type": "classic",
    }
    endpoint = _endpoint()
    if endpoint:
        conf |= {"spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true"}
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        conf["spark.hadoop.fs.s3a.endpoint.region"] = region
    return conf


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


@cache
def _register() -> None:
    # Half a second to import, which a lake in a folder need not pay.
    from obstore.fsspec import register

    # The library of delta-rs, so that both read the same variables.
    register("s3a")
    if (_endpoint() or "").startswith(("http://127.0.0.1", "http://localhost")):
        # Of a server on this machine; to any other, objects do not go in clear unless the environment says so.
        os.environ.setdefault("AWS_ALLOW_HTTP", "true")
