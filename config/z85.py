"""Z85, the text form of CURVE keys (ZeroMQ RFC 32): five characters for four bytes, base 85, most significant first."""

from __future__ import annotations

from typing import Final

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUE: Final = {character: value for value, character in enumerate(_ALPHABET)}


def z85_encode(data: bytes) -> str:
    """Return the text of ``data``, whose length is a multiple of four."""
    if len(data) % 4:
        raise ValueError(f"{len(data)} bytes: Z85 takes a multiple of four")
    text = []
    for start in range(0, len(data), 4):
        number = int.from_bytes(data[start : start + 4], "big")
        text += [_ALPHABET[number // 85**power % 85] for power in (4, 3, 2, 1, 0)]
    return "".join(text)


def z85_decode(text: str) -> bytes:
    """Return the bytes of ``text``.

    Raises:
        ValueError: it is no Z85.
    """
    if len(text) % 5 or any(character not in _VALUE for character in text):
        raise ValueError("no Z85")
    data = b""
    for start in range(0, len(text), 5):
        number = 0
        for character in text[start : start + 5]:
            number = number * 85 + _VALUE[character]
        if number >= 2**32:
            raise ValueError("no Z85: a group is above 2^32 - 1")
        data += number.to_bytes(4, "big")
    return data
