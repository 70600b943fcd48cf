"""What may be uploaded: one small file, in memory. It is a kept letter; no other page looks at a file."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler

LARGEST_FILE = 65_536  # bytes, as the body of a request (`service/run/gateway.py`)


class SmallFile(MemoryFileUploadHandler):
    """Keeps a file in memory, and refuses the request where it is larger than LARGEST_FILE."""

    def handle_raw_input(self, *args: Any, **more: Any) -> None:
        self.activated = True  # whatever length the request says: nothing is ever written to the disk

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if start + len(raw_data) > LARGEST_FILE:
            raise RequestDataTooBig("a file is larger than any form here takes")
        left: bytes | None = super().receive_data_chunk(raw_data, start)
        return left
