"""Lists of ARFCNs as they lie in 16 octets, in all six formats, both ways (TS 44.018 cl. 10.5.2.1b, 10.5.2.13, 10.5.2.22; annex J).

First octet, bits 8 to 1; x: the element's own (EXT-IND, BA-IND), n: the list's:

    0 0 x x n n n n   bit map 0: ARFCN 124 down to 1
    1 0 x x 0 F n n   range 1024: F: ARFCN 0 is in the list; W(1) of 10 bits, W(2), W(3) of 9, W(4) to W(7) of 8, ...
    1 0 x x 1 0 0 n   range 512:  first ARFCN of 10 bits, then W(1) of 9 bits, W(2), W(3) of 8, ...
    1 0 x x 1 0 1 n   range 256:  the same, W(1) of 8 bits
    1 0 x x 1 1 0 n   range 128:  the same, W(1) of 7 bits
    1 0 x x 1 1 1 n   variable bit map: first ARFCN of 10 bits, then a bit for each of the 111 that follow

The W are a binary tree: node K on level J (the highest power of two in K) has the children K + J and K + 2J. Each subtree lies on a
circle of 2R/J - 1 values; the left child's values are those of the half circle before its parent's, the right child's after.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from dsp.errors import ParameterError

Format = Literal["bitmap0", "range1024", "range512", "range256", "range128", "variable"]
FORMATS: Final[tuple[Format, ...]] = ("bitmap0", "range1024", "range512", "range256", "range128", "variable")
OCTETS: Final = 16
_HEADER: Final[dict[Format, tuple[int, int]]] = {
    "bitmap0": (0x00, 4),
    "range1024": (0x80, 6),
    "range512": (0x88, 7),
    "range256": (0x8A, 7),
    "range128": (0x8C, 7),
    "variable": (0x8E, 7),
}
"""First octet, and how many of its bits are before the list's own."""
_RANGE: Final[dict[Format, int]] = {"range1024": 1024, "range512": 512, "range256": 256, "range128": 128}


class FrequencyListError(ParameterError):
    """These ARFCNs do not fit the format."""


def list_format(octets: bytes, *, neighbours_2: bool = False) -> Format | None:
    """Return the format of a list, or None where the bits are reserved. ``neighbours_2``: the element of SI2ter, cl. 10.5.2.22a."""
    first = octets[0] & (0xBF if neighbours_2 else 0xFF)  # there bit 7 belongs to the multiband reporting
    if first & 0xC0 == 0:
        return "bitmap0"
    if first & 0xC0 != 0x80:
        return None
    if not first & 0x08:
        return "range1024"
    return {0x88: "range512", 0x8A: "range256", 0x8C: "range128", 0x8E: "variable"}[first & 0x8E]  # type: ignore[return-value]


def decode(octets: bytes, *, neighbours_2: bool = False) -> tuple[int, ...] | None:
    """Return the ARFCNs of a list, sorted, or None where the format is reserved."""
    form = list_format(octets, neighbours_2=neighbours_2)
    if form is None:
        return None
    n_bits = 8 * len(octets) - _HEADER[form][1]
    bits = int.from_bytes(octets, "big") & ((1 << n_bits) - 1)
    if form == "bitmap0":
        return tuple(k for k in range(1, 125) if bits >> (k - 1) & 1)
    if form == "range1024":
        zero = (0,) if octets[0] & 0x04 else ()
        return tuple(sorted({*zero, *_tree_values(_words(bits, n_bits, 1024), 1024)}))
    origin, n_bits = bits >> (n_bits - 10), n_bits - 10
    bits &= (1 << n_bits) - 1
    if form == "variable":
        steps = [n_bits - k for k in range(n_bits) if bits >> k & 1]
    else:
        steps = _tree_values(_words(bits, n_bits, _RANGE[form]), _RANGE[form])
    return tuple(sorted({origin, *((origin + step) % 1024 for step in steps)}))


def encode(arfcns: Iterable[int], form: Format, *, header_bits: int = 0) -> bytes:
    """Return the 16 octets of the list of ``arfcns`` in format ``form``; ``header_bits`` are set in the first octet besides.

    Raises:
        FrequencyListError: the list does not fit the format.
    """
    values = sorted(set(arfcns))
    if any(not 0 <= value < 1024 for value in values):
        raise FrequencyListError("arfcns", values, "0 to 1023")
    first, used = _HEADER[form]
    n_bits = 8 * OCTETS - used
    bits = _list_bits(values, form, n_bits)
    return (bits | (first | header_bits) << (8 * OCTETS - 8)).to_bytes(OCTETS, "big")


def best_format(arfcns: Iterable[int]) -> Format:
    """Return the first format that holds ``arfcns``, in the order of ``FORMATS``.

    Raises:
        FrequencyListError: none does.
    """
    values = sorted(set(arfcns))
    for form in FORMATS:
        try:
            encode(values, form)
        except FrequencyListError:
            continue
        return form
    raise FrequencyListError("arfcns", values, "a list that fits one of the formats")


def _list_bits(values: list[int], form: Format, n_bits: int) -> int:
    """Return the bits after the header."""
    if form == "bitmap0":
        if any(not 1 <= value <= 124 for value in values):
            raise FrequencyListError("arfcns", values, "1 to 124 for bit map 0")
        return sum(1 << (value - 1) for value in values)
    if form == "range1024":
        words = _tree_words([value for value in values if value], 1024)
        return int(0 in values) << n_bits | _packed(words, n_bits, 1024)  # F is the lowest bit of the header
    span = n_bits - 10 if form == "variable" else _RANGE[form] - 1
    origin = next((v for v in values if all((w - v) % 1024 <= span for w in values)), None)
    if origin is None:
        raise FrequencyListError("arfcns", values, f"not empty, within {span} of one of them for {form}")
    steps = [(value - origin) % 1024 for value in values if value != origin]
    n_bits -= 10
    if form == "variable":
        return origin << n_bits | sum(1 << (n_bits - step) for step in steps)
    return origin << n_bits | _packed(_tree_words(steps, _RANGE[form]), n_bits, _RANGE[form])


def _width(index: int, reach: int) -> int:
    """Return the bits of W(``index``): one fewer on each level of the tree."""
    return reach.bit_length() - index.bit_length()


def _words(bits: int, n_bits: int, reach: int) -> list[int]:
    """Return W(1), W(2), ... up to the first that is zero or does not fit whole."""
    words: list[int] = []
    while (width := _width(len(words) + 1, reach)) > 0 and n_bits >= width:
        n_bits -= width
        word = bits >> n_bits & ((1 << width) - 1)
        if word == 0:
            break
        words.append(word)
    return words


def _packed(words: list[int], n_bits: int, reach: int) -> int:
    """Return the words side by side, zeros behind."""
    bits = 0
    for index, word in enumerate(words, start=1):
        n_bits -= _width(index, reach)
        if n_bits < 0 or _width(index, reach) == 0:
            raise FrequencyListError("arfcns", len(words), f"at most {index - 1} beside the first in range {reach}")
        bits |= word << n_bits
    return bits


def _tree_values(words: list[int], reach: int) -> list[int]:
    """Return the values 1 to reach - 1 that the tree of ``words`` stands for."""
    values = []
    for index in range(1, len(words) + 1):
        node, value = index, words[index - 1]
        level = 1 << (node.bit_length() - 1)
        while node > 1:
            left = 2 * node < 3 * level
            node = node - level // 2 if left else node - level
            shift = reach // level if left else 0
            value = (words[node - 1] + value - shift - 1) % (2 * reach // level - 1) + 1
            level //= 2
        values.append(value)
    return values


def _tree_words(values: list[int], reach: int) -> list[int]:
    """Return W(1), W(2), ... for ``values``, distinct, 1 to reach - 1."""
    words: dict[int, int] = {}
    _plant(sorted(values), reach, 1, words)
    return [words[index] for index in range(1, len(values) + 1)]


def _plant(values: list[int], reach: int, node: int, words: dict[int, int]) -> None:
    """Set W of ``node`` and of all below it: the root leaves half of the others, rounded down, on the half circle after it."""
    if not values:
        return
    circle, half = reach - 1, reach // 2
    for root in values:
        ahead = [(value - root) % circle for value in values if value != root]
        right = [step for step in ahead if step < half]
        if len(right) == len(ahead) // 2:
            break
    level = 1 << (node.bit_length() - 1)
    words[node] = root
    _plant([step - half + 1 for step in ahead if step >= half], half, node + level, words)
    _plant(right, half, node + 2 * level, words)
