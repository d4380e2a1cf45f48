"""An S3 service of our own on this machine, for tests of what lies on a storage."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def s3_service() -> Iterator[str]:
    """Inside, everything that speaks S3 speaks to a service in this process; gives the URL of an empty bucket.

    Skips where moto or s3fs is not installed.
    """
    server_module = pytest.importorskip("moto.server", reason="moto is not installed: requirements-dev.txt")
    s3fs: Any = pytest.importorskip("s3fs", reason="s3fs is not installed: requirements-ray.txt")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    ours = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in ours.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            bucket = f"bucket-{uuid.uuid4().hex[:8]}"  # moto keeps the buckets of a process, whatever service made them
            s3fs.S3FileSystem(use_listings_cache=False).mkdir(bucket)
            yield f"s3://{bucket}"
        finally:
            s3fs.S3FileSystem.clear_instance_cache()
            server.stop()
