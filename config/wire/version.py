"""The wire version: the first byte of every record and frame.

It grows only when old programs could misread what new ones send. A new optional field or a new kind does not change it.
"""

from typing import Final

WIRE_VERSION: Final = 1
MAX_RECORD_BYTES: Final = 256 * 1024
MAX_FRAME_BYTES: Final = 1024 * 1024
MAX_CHUNK_BYTES: Final = 256 * 1024
