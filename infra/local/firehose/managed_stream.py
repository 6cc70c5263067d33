"""Delivery streams with what the control operations keep about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ttl_archive.infra.local.firehose.checkpoints import Checkpoints
from ttl_archive.infra.local.firehose.configuration import DeliveryStreamConfig
from ttl_archive.infra.local.firehose.delivery_stream import DeliveryStream
from ttl_archive.infra.local.firehose.description import DeliveryStreamEntry
from ttl_archive.infra.local.firehose.encryption import DelayedStatus, Encryption
from ttl_archive.infra.local.firehose.service_error import ServiceError, invalid_argument
from ttl_archive.infra.local.firehose.source import DirectPut
from ttl_archive.infra.local.firehose.tags import Tags

# SEEN aws/aws-cli #7010, awslabs/lambda-streams-to-firehose #60.
NOT_PERMITTED = "This operation is not permitted on KinesisStreamAsSource delivery stream type."


@dataclass
class ManagedStream:
    """A delivery stream, its entry, its checkpoints, its tags, its encryption and its status."""

    stream: DeliveryStream
    entry: DeliveryStreamEntry
    checkpoints: Checkpoints
    tags: Tags = field(init=False)
    encryption: Encryption = field(init=False)
    status: DelayedStatus = field(init=False)

    def __post_init__(self) -> None:
        self.tags = Tags(self.entry.request.get("Tags", ()))
        self.encryption = Encryption(self.entry.request.get("DeliveryStreamEncryptionConfigurationInput"))
        self.status = DelayedStatus("CREATING", "ACTIVE")

    def work(self, *, everything: bool) -> int:
        """Do what is due, or everything, and return the number of records moved; see DeliveryStream."""
        self.status.reach()
        return self.stream.work(everything=everything)

    def update(self, entry: DeliveryStreamEntry, config: DeliveryStreamConfig) -> None:
        """Use an updated configuration. Raises ServiceError for what cannot be changed after creation."""
        if config.dynamic_partitioning != self.stream.config.dynamic_partitioning:
            # FDG: dynamic-partitioning. The sentence is ours.
            raise invalid_argument(
                "Dynamic partitioning is set at creation: it cannot be turned on or off later."
            )
        if self.stream.config.backup and not config.backup:
            # FDG: "you can't update the Firehose stream to disable it". The sentence is ours.
            raise invalid_argument("S3BackupMode cannot be disabled once it was enabled.")
        self.stream.configure(config)
        self.entry = entry

    def description(self) -> dict[str, Any]:
        """Return the DeliveryStreamDescription, with encryption for Direct PUT only (STP #769, LS-cfn)."""
        encryption = self.encryption.description() if self._is_direct_put() else None
        return self.entry.description(self.stream.version, self.status.read(), encryption)

    def direct_put(self) -> DirectPut:
        """Return the source of a Direct PUT stream. Raises ServiceError for another kind."""
        if not isinstance(self.stream.source, DirectPut):
            raise invalid_argument(NOT_PERMITTED)
        return self.stream.source

    def direct_put_encryption(self) -> Encryption:
        """Return the encryption of a Direct PUT stream. Raises ServiceError for another kind."""
        if not self._is_direct_put():
            # BC-firehose: server-side encryption is for Direct PUT. The sentence is ours.
            raise invalid_argument(
                "Server-side encryption is for Direct PUT only: encrypt the source stream instead."
            )
        return self.encryption

    def _is_direct_put(self) -> bool:
        return isinstance(self.stream.source, DirectPut)


class ManagedStreams:
    """The delivery streams of an account by their names. Its methods raise the ServiceError of AWS."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._streams: dict[str, ManagedStream] = {}

    def __iter__(self) -> Iterator[ManagedStream]:
        """Yield the delivery streams that exist now."""
        yield from list(self._streams.values())

    def get(self, name: str) -> ManagedStream:
        """Return the delivery stream with this name, which must exist."""
        managed = self._streams.get(name)
        if managed is None:
            raise ServiceError(
                "ResourceNotFoundException", f"Firehose {name} under account {self._account} not found."
            )
        return managed

    def check_absent(self, name: str) -> None:
        """Raise ServiceError when there is a delivery stream with this name."""
        if name in self._streams:
            raise ServiceError(
                "ResourceInUseException", f"Firehose {name} under accountId {self._account} already exists"
            )

    def add(self, name: str, managed: ManagedStream) -> None:
        """Keep a delivery stream."""
        self._streams[name] = managed

    def remove(self, name: str) -> None:
        """Forget a delivery stream with its checkpoints."""
        self.get(name).checkpoints.forget()
        del self._streams[name]

    def names(self, after: str, stream_type: str | None) -> list[str]:
        """Return the names that follow a name in alphabetical order, of one type or of all."""
        return sorted(
            name
            for name, managed in list(self._streams.items())
            if name > after and stream_type in (None, managed.stream.config.stream_type)
        )
