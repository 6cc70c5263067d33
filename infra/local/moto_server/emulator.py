"""S3, DynamoDB, DynamoDB Streams and Kinesis over HTTP: moto's server in a child process, and its clients."""

from __future__ import annotations

import http.client
import os
import socket
from pathlib import Path
from typing import Any, Self

import boto3
import botocore.session
from botocore.config import Config

from ttl_archive.infra.local.child_process import Child

REGION = "us-east-1"
KEY = "local"  # moto accepts any; AWS does not accept it, so a misconfigured client does no harm
_PROJECT = Path(__file__).parents[4]  # the folder that holds the package ttl_archive
_START_TIMEOUT_S = 60


class EmulatorError(Exception):
    """The emulator's process ended or does not answer; the message has the last lines that it wrote."""


class Emulator:
    """A context manager: the emulator runs inside the block.

    Nothing is kept on disk. Every service that the installed moto supports is available.
    """

    def __init__(self) -> None:
        # The child inherits a listening socket: no port is guessed, and none can be taken in between.
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
            self.port: int = listening.getsockname()[1]
            self._child = Child(
                "ttl_archive.infra.local.moto_server.server_process",
                [str(listening.fileno())],
                environment={
                    "PYTHONPATH": str(_PROJECT),
                    "MOTO_PORT": str(self.port),  # where moto calls itself
                    **self._credentials(),
                },
                pass_fds=[listening.fileno()],
            )
        self._clients: list[Any] = []

    def __enter__(self) -> Self:
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._child.pid

    @property
    def url(self) -> str:
        """The endpoint of every service."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that make AWS clients in another process use this emulator."""
        return {"AWS_ENDPOINT_URL": self.url, **self._credentials()}

    def client(self, service: str, *, endpoint_url: str | None = None, **config: Any) -> Any:
        """Return a boto3 client with dummy credentials, which is closed when the emulator stops.

        `config` is botocore's. `endpoint_url` is another endpoint, such as an S3Proxy's.
        """
        client = _session().client(
            service,
            endpoint_url=endpoint_url or self.url,
            config=Config(s3={"addressing_style": "path"}, proxies={}, **config),
        )
        self._clients.append(client)
        return client

    def wait_ready(self) -> None:
        """Wait until the emulator answers. Raises EmulatorError when it does not."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_START_TIMEOUT_S)
        try:
            connection.request("GET", "/moto-api/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException) as error:
            log = "\n".join(self._child.logs()[-20:])
            raise EmulatorError(
                f"The local AWS endpoint {self.url} does not answer ({error}).\n{log}"
            ) from error
        finally:
            connection.close()

    def stop(self) -> None:
        """End the process and close the clients. Calling this again does nothing."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._child.stop()

    @staticmethod
    def _credentials() -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def _session() -> boto3.Session:
    """Return a session that ignores the user's profile and configuration files."""
    # botocore describes a variable by its name in the file and in the environment, default and converter.
    own = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return boto3.Session(KEY, KEY, region_name=REGION, botocore_session=botocore.session.Session(own))
