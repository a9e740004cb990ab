"""moto in this process, for the other services of AWS: S3, CloudWatch, IAM."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3

from infra.emulator.faults import Faults
from infra.emulator.http import OWN_KEY, MotoMiddleware
from infra.emulator.protocol import CallLog
from infra.emulator.resources import REGION
from infra.loopback import OwnAddresses, own_addresses, refuse_foreign

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer


class Aws:
    """The server of moto, and the calls that endpoints make to it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: BaseWSGIServer | None = None
        access = {"aws_access_key_id": OWN_KEY, "aws_secret_access_key": OWN_KEY}
        address = f"http://127.0.0.1:{port}"
        self._s3 = boto3.client("s3", region_name=REGION, endpoint_url=address, **access)

    def start(self, *, faults: Faults, calls: CallLog, after: Callable[[str, str], None]) -> None:
        """Listen; the port must be free.

        Args:
            faults: may be injected into a call.
            calls: the log of calls.
            after: called with service and operation of each completed call, in the call's thread.
        """
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            MotoRequestHandler,
            create_backend_app,
        )
        from werkzeug.serving import make_server

        moto = DomainDispatcherApplication(create_backend_app)
        own = OwnAddresses(own_addresses(self._port), buckets=f".localhost:{self._port}")
        application = refuse_foreign(
            MotoMiddleware(moto, faults=faults, calls=calls, after=after), own
        )
        self._server = make_server(
            "127.0.0.1", self._port, application, threaded=True, request_handler=MotoRequestHandler
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stop listening; moto's state is lost."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def read_object(self, bucket: str, key: str) -> bytes:
        """Return an object of S3.

        Raises:
            botocore.exceptions.ClientError: when there is none.
        """
        return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def write_object(self, bucket: str, key: str, content: bytes) -> None:
        """Put an object.

        Raises:
            botocore.exceptions.ClientError: when there is no such bucket.
        """
        self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket; in this region, making it twice is no error."""
        self._s3.create_bucket(Bucket=bucket)
