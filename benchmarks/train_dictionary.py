"""`python -m benchmarks.train_dictionary FILE`: the dictionary that waiting events are pressed with.

Pieces that most events share are taken greedily, the best one first, and written the other way round: deflate names
what stands near the end in fewer bits. It takes a minute. A dictionary that was released is never written again; the
next one gets the next number (`gateway/store/vault.py`).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.visits import visits
from gateway.store import vault

SEED: Final = 20_261_122
# Deflate looks back 32 KiB at most; beyond 16 the samples gained nothing.
BYTES: Final = 16_384
_GRAM: Final = 6
_PIECE: Final = 48


def trained(samples: Sequence[bytes], size: int = BYTES) -> bytes:
    """Choose the pieces of these samples that the most of them share."""
    often = Counter(gram for sample in samples for gram in {sample[at : at + _GRAM] for at in range(len(sample))})
    # What half a per cent shares is worth a place; the rest is one visitor's own.
    worth = {gram: count for gram, count in often.items() if count > len(samples) // 200 and len(gram) == _GRAM}
    pieces: list[bytes] = []
    length = 0
    while length < size:
        piece = max((_best(sample, worth) for sample in samples), key=lambda found: found[0])
        if piece[0] <= 0:
            break
        pieces.append(piece[1])
        length += len(piece[1])
        for at in range(len(piece[1])):
            worth.pop(piece[1][at : at + _GRAM], None)
    return b"".join(reversed(pieces))[-size:]


def _best(sample: bytes, worth: dict[bytes, int]) -> tuple[int, bytes]:
    """Return the piece of a sample with the most that is not yet in the dictionary, and how much that is."""
    values = [worth.get(sample[at : at + _GRAM], 0) for at in range(len(sample))]
    span = _PIECE - _GRAM
    total = sum(values[:span])
    best, where = total, 0
    for at in range(1, max(1, len(values) - span)):
        total += values[at + span - 1] - values[at - 1]
        if total > best:
            best, where = total, at
    piece = sample[where : where + _PIECE]
    first = next((at for at, value in enumerate(values[where : where + span]) if value), 0)
    return best, piece[first:]


def main() -> None:
    samples = [vault.seal(event)[5:] for event in visits(SEED, 600)]
    Path(sys.argv[1]).write_bytes(trained(samples))


if __name__ == "__main__":
    main()
