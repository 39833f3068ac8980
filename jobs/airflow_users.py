"""The first user of an Airflow that has none: an administrator with a password made for this Airflow alone."""

import secrets
import sys
from pathlib import Path

from jobs import airflow
from jobs.whole_files import put

AUTH_MANAGER = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
ADMIN = "admin"


def password_file(home: Path) -> Path:
    """Where the first password of the administrator stands."""
    return home / "admin.password"


def ensure_admin(home: Path, log_file: Path) -> None:
    """Makes the administrator of this environment's Airflow when it has no user at all.

    Raises:
        DataError: Airflow could not.
    """
    # Airflow's web framework stays out of the process that waits.
    module = ["jobs.airflow_users", str(home)]
    airflow.run_logged(module, log_file, "Airflow's users", "an administrator in the metadata database")


def _ensure_admin(home: Path) -> None:
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        if builder.sm.get_all_users():
            return
        role = builder.sm.find_role("Admin")
        # The password first: a user whose password nobody knows would lock everybody out.
        if not builder.sm.add_user(ADMIN, "Echolake", "Admin", "admin@localhost", role, _password(home)):
            raise RuntimeError(
                f"Airflow did not add the user {ADMIN}, its administrator; python -m jobs airflow users create does"
            )


def _password(home: Path) -> str:
    file = password_file(home)
    if not file.exists():
        put(file, f"{secrets.token_urlsafe(18)}\n".encode(), 0o600)
    return file.read_text().strip()


if __name__ == "__main__":
    _ensure_admin(Path(sys.argv[1]))
