"""Who else on this machine may see or change what Echolake writes."""

import os
from pathlib import Path

NOT_OTHERS_TO_WRITE = 0o022
OWNER_ALONE = 0o700
PRIVATE = ("airflow", "classes", "logs", "mlflow", "run", "secrets", "spark")
"""Folders below `.local` of programs that write as they like: keys, classes, logs, sockets, stores, rows spilled."""


def guard(local: Path) -> None:
    """From here on what this process writes is for nobody else to change, and the PRIVATE folders are closed to others.

    Whether others may read the lake is left to the umask of whoever runs the nights (docs/security.md).
    """
    os.umask(os.umask(NOT_OTHERS_TO_WRITE) | NOT_OTHERS_TO_WRITE)
    for name in PRIVATE:
        folder = local / name
        folder.mkdir(mode=OWNER_ALONE, parents=True, exist_ok=True)
        # A folder of somebody else is theirs to close.
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o077:
            folder.chmod(OWNER_ALONE)
