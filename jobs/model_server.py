"""MLflow's UI on the models of this checkout: on loopback, with a login."""

import os
import secrets
import subprocess
import sys
from pathlib import Path

from jobs.airflow import say
from jobs.guarded import guard
from jobs.model_versions import store
from jobs.processes import stoppable
from jobs.settings import Settings
from jobs.whole_files import put

USER = "admin"
PASSWORD_FILE = "mlflow.password"  # noqa: S105  # its name
SECRET_MODE = 0o600
END_SECONDS = 30
AUTH = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{users}
admin_username = {user}
"""
"""MLflow's own configuration of users; the password comes by the environment."""


def serve(settings: Settings) -> int:
    """The UI until Ctrl-C; returns the exit code.

    Its users are in `.local/mlflow/users.db`; the password of the first is made once, for the owner of its file alone.
    """
    guard(settings.local)
    uri, artifacts = store(settings)
    port = os.environ.get("MLFLOW_PORT", "5000")
    users, password = settings.local / "mlflow/users.db", settings.local / "secrets" / PASSWORD_FILE
    _make(password, users)
    configuration = settings.local / "mlflow/auth.ini"
    configuration.write_text(AUTH.format(users=users, user=USER))
    say(f"MLflow: http://127.0.0.1:{port}, user {USER}, password in {os.path.relpath(password)}")
    command = [
        sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri,
        *(["--default-artifact-root", artifacts.as_uri()] if artifacts else []), "--no-serve-artifacts",
        "--host", "127.0.0.1", "--port", port, "--workers", "1", "--app-name", "basic-auth",
        # A page of elsewhere must not reach the server by a name of its own that leads here.
        "--allowed-hosts", f"127.0.0.1:{port},localhost:{port}", "--x-frame-options", "DENY",
    ]  # fmt: skip
    env = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(configuration),
        "MLFLOW_AUTH_ADMIN_PASSWORD": password.read_text().strip(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # No jobs of its own on this machine: Airflow is for that.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # Signs forms alone, so it may be another one after each start.
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(32),
    }
    with stoppable(), subprocess.Popen(command, env=env, cwd=settings.local / "mlflow") as server:
        try:
            return server.wait()
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    # It takes its worker with it, which one that is killed leaves on the port.
    server.terminate()
    try:
        server.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()


def _make(password: Path, users: Path) -> None:
    if password.exists() and users.exists():
        return
    # Users whose first password nobody has any more would let nobody in.
    users.unlink(missing_ok=True)
    put(password, f"{secrets.token_urlsafe(24)}\n".encode(), SECRET_MODE)
    users.touch(mode=SECRET_MODE)
