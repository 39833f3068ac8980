"""A delivery on an SFTP server: the folder of the day appears there whole or not at all."""

import contextlib
import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import paramiko

from jobs.delivery.errors import DestinationError
from jobs.delivery.files import MANIFEST
from jobs.delivery_settings import Sftp

# What it says of a failure, with a traceback, is in the warning.
logging.getLogger("paramiko").setLevel(logging.CRITICAL)
FOLDER_MODE = 0o750
FAILURES = (OSError, EOFError, paramiko.SSHException, paramiko.SFTPError)
# What paramiko says of a connection that ended while it read, and while it wrote.
ENDED = ("connection dropped", "Socket is closed")


def send(folder: Path, server: Sftp) -> list[str]:
    """Uploads the folder under a hidden name, then renames it.

    One that is there already, from a run that was killed before it could write that down, is left as it is.

    Raises:
        DestinationError: the server does not answer in time, is not the one it was, lets nobody in, or has other files.
    """
    with _session(server) as session, _told(server):
        _upload(session, folder, server)
    return []


def send_stops(files: list[Path], server: Sftp) -> None:
    """Uploads the files of opt-outs that are not there as they are, each whole or not at all.

    Raises:
        DestinationError: as `send`.
    """
    folder = f"{server.folder.rstrip('/')}/stop"
    with _session(server) as session, _told(server):
        if not _is_there(session, folder):
            session.mkdir(folder, FOLDER_MODE)
        for file in files:
            if _read(session, f"{folder}/{file.name}") != file.read_bytes():
                session.put(str(file), f"{folder}/.{file.name}.part")
                session.posix_rename(f"{folder}/.{file.name}.part", f"{folder}/{file.name}")


@contextlib.contextmanager
def _told(server: Sftp) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise _failed(server, _said(error, server), "mend the server; the next run begins the upload again") from None


def _upload(session: paramiko.SFTPClient, folder: Path, server: Sftp) -> None:
    target = f"{server.folder.rstrip('/')}/{folder.name}"
    if _is_there(session, target):
        if _read(session, f"{target}/{MANIFEST}") != (folder / MANIFEST).read_bytes():
            raise _failed(server, f"another {target} than ours", "move it away there; the next run delivers again")
        return
    draft = f"{server.folder.rstrip('/')}/.{folder.name}.part"
    _remove(session, draft)
    session.mkdir(draft, FOLDER_MODE)
    files = sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.name == MANIFEST)
    for file in files:
        # Looks at the size of what arrived.
        session.put(str(file), f"{draft}/{file.name}")
    session.rename(draft, target)


@contextlib.contextmanager
def _session(server: Sftp) -> Iterator[paramiko.SFTPClient]:
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        seconds = server.timeout_seconds
        known = Path(server.known_hosts).expanduser()
        try:
            client.load_host_keys(str(known))
        except (OSError, UnicodeDecodeError, paramiko.hostkeys.InvalidHostKey) as error:
            why = error.strerror if isinstance(error, OSError) else "a line that is no host's name and key"
            raise _failed(
                server,
                f"known_hosts {known}: {why}",
                f"write the server's key there (ssh-keyscan -p {server.port} {server.host}, once compared)",
            ) from None
        try:
            client.connect(
                server.host,
                server.port,
                server.user,
                password=_secret(server, server.password_env),
                passphrase=_secret(server, server.key_password_env),
                key_filename=str(Path(server.key_file).expanduser()) if server.key_file else None,
                allow_agent=False,
                look_for_keys=False,
                timeout=seconds,
                banner_timeout=seconds,
                auth_timeout=seconds,
                channel_timeout=seconds,
            )
            session = _opened(client, seconds)
        except FAILURES as error:
            raise _failed(server, _said(error, server), "see whether it is up, and whether we are let in") from None
        yield session


def _opened(client: paramiko.SSHClient, seconds: float) -> paramiko.SFTPClient:
    transport = client.get_transport()
    if transport is None:
        raise paramiko.SSHException("no connection")
    channel = transport.open_session(timeout=seconds)
    channel.settimeout(seconds)
    # Asking for the subsystem waits for good; a connection that is closed ends that.
    patience = threading.Timer(seconds, transport.close)
    patience.start()
    try:
        channel.invoke_subsystem("sftp")
    finally:
        patience.cancel()
    return paramiko.SFTPClient(channel)


def _secret(server: Sftp, name: str | None) -> str | None:
    if name is not None and not os.environ.get(name):
        raise _failed(server, f"no {name} in the environment", "set it where the nights run")
    return os.environ[name] if name else None


def _said(error: BaseException, server: Sftp) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {server.timeout_seconds:g} s"
    if isinstance(error, paramiko.BadHostKeyException):
        return f"another host key than {server.known_hosts} has; do not trust it before somebody has said why"
    if isinstance(error, EOFError | ConnectionError) or any(words in str(error) for words in ENDED):
        return "a connection that ended half-way"
    return str(error).replace("\n", " ") or type(error).__name__


def _failed(server: Sftp, found: str, todo: str) -> DestinationError:
    where = f"{server.user}@{server.host}:{server.port}"
    return DestinationError(f"expected an SFTP server at {where} that takes the files, found {found}; to do: {todo}")


def _is_there(session: paramiko.SFTPClient, path: str) -> bool:
    try:
        session.stat(path)
    except FileNotFoundError:
        return False
    return True


def _read(session: paramiko.SFTPClient, path: str) -> bytes | None:
    try:
        with session.open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def _remove(session: paramiko.SFTPClient, folder: str) -> None:
    """Removes what an upload left that ended half-way."""
    if not _is_there(session, folder):
        return
    for entry in session.listdir_attr(folder):
        path = f"{folder}/{entry.filename}"
        if stat.S_ISDIR(entry.st_mode or 0):
            _remove(session, path)
        else:
            session.remove(path)
    session.rmdir(folder)
