"""Frames in a sealed file, for carrying a spool by hand: encrypted and authenticated from one CURVE key to another.

CURVE keys (Curve25519) agree on secrets and cannot sign. ``crypto_box`` (X25519, XSalsa20-Poly1305; what CURVE itself uses) proves to the
holder of the other key who wrote the file, with the keys that both sides have enrolled already, and hides it on the way. It proves nothing
to third parties, and the file can be read by that one collector alone.

Layout: magic, the writer's public key (32 bytes), 16 random bytes; then chunks: length (4 bytes, big endian) and ciphertext, whose nonce is
the random bytes and the chunk's number. The last chunk is empty inside: a file that was cut short is known.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from typing import IO, Final

from config.errors import WireFormatError
from config.keyfiles import KeyPair
from config.wire.version import MAX_FRAME_BYTES
from config.z85 import z85_decode, z85_encode

MAGIC: Final = b"CANHSONG-SPOOL-1\n"
_HEADER: Final = len(MAGIC) + 32 + 16


def write_sealed(file: IO[bytes], frames: Iterable[bytes], *, writer: KeyPair, reader_key: str) -> int:
    """Write ``frames`` so that the holder of ``reader_key`` can read them and knows who wrote them; return how many there were."""
    from nacl.bindings import crypto_box_afternm, crypto_box_beforenm

    shared = crypto_box_beforenm(z85_decode(reader_key), z85_decode(writer.secret))
    random = secrets.token_bytes(16)
    file.write(MAGIC + z85_decode(writer.public) + random)
    count = 0
    for number, frame in enumerate(_ended(frames)):
        sealed = crypto_box_afternm(frame, random + number.to_bytes(8, "big"), shared)
        file.write(len(sealed).to_bytes(4, "big") + sealed)
        count = number
    return count


def _ended(frames: Iterable[bytes]) -> Iterator[bytes]:
    yield from frames
    yield b""


def writer_of(file: IO[bytes]) -> tuple[str, bytes]:
    """Return the public key that the file says wrote it, and the random bytes; only ``read_sealed`` proves the key.

    Raises:
        WireFormatError: it is no sealed spool.
    """
    header = file.read(_HEADER)
    if len(header) != _HEADER or not header.startswith(MAGIC):
        raise WireFormatError("this is no exported spool")
    return z85_encode(header[len(MAGIC) : len(MAGIC) + 32]), header[-16:]


def read_sealed(file: IO[bytes], *, reader: KeyPair, writer_key: str, random: bytes) -> Iterator[bytes]:
    """Yield the frames behind the header, each proven to be the next that the holder of ``writer_key`` wrote.

    Raises:
        WireFormatError: a chunk was changed, is missing, or was sealed for another collector.
    """
    from nacl.bindings import crypto_box_beforenm, crypto_box_open_afternm
    from nacl.exceptions import CryptoError

    shared = crypto_box_beforenm(z85_decode(writer_key), z85_decode(reader.secret))
    number = 0
    while True:
        length = int.from_bytes(file.read(4), "big")
        if not 16 <= length <= MAX_FRAME_BYTES + 16 or len(sealed := file.read(length)) != length:
            raise WireFormatError(f"chunk {number} is cut short: copy the file again")
        try:
            frame = crypto_box_open_afternm(sealed, random + number.to_bytes(8, "big"), shared)
        except CryptoError as error:
            raise WireFormatError(
                f"chunk {number} is not what {writer_key} sealed for this collector: changed, or meant for another"
            ) from error
        if not frame:
            return
        yield frame
        number += 1
