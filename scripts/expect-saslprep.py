#!/usr/bin/env python3
"""Prints the digests SASLprepTests expects: SASLprep as PostgreSQL does it, with Python's tables."""
import hashlib
import stringprep
import unicodedata

TABLES = [stringprep.in_table_a1, stringprep.in_table_c21_c22] + [
    getattr(stringprep, f"in_table_c{n}") for n in range(3, 10)]
RANGES = [  # as in SASLprepTests
    (0x20, 0x7f), (0xa0, 0x250), (0x300, 0x370), (0x300, 0x315), (0x390, 0x3d0), (0x5b0, 0x5f0), (0x600, 0x660),
    (0x900, 0x980), (0x9be, 0x9d8), (0xe30, 0xe50), (0x1100, 0x1200), (0x1160, 0x11c3), (0x1e00, 0x2000),
    (0x2000, 0x2100), (0x2100, 0x2200), (0x3040, 0x3100), (0xac00, 0xad00), (0xf900, 0xfb00), (0xfb00, 0xfe00),
    (0xff00, 0xfff0), (0x1d150, 0x1d200), (0x2f800, 0x2fa20),
]


def prepare(text):
    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c
        for c in text if stringprep.in_table_c12(c) or not stringprep.in_table_b1(c))
    if not mapped or any(table(c) for c in mapped for table in TABLES):
        return None
    if any(stringprep.in_table_d1(c) for c in mapped):
        ends = stringprep.in_table_d1(mapped[0]) and stringprep.in_table_d1(mapped[-1])
        if not ends or any(stringprep.in_table_d2(c) for c in mapped):
            return None
    return unicodedata.normalize("NFKC", mapped)


def record(digest, text):
    result = prepare(text)
    digest.update((b"!" if result is None else result.encode()) + b"\n")


def splitmix(state):
    mask = 2**64 - 1
    while True:
        state = (state + 0x9e3779b97f4a7c15) & mask
        z = state
        z = ((z ^ z >> 30) * 0xbf58476d1ce4e5b9) & mask
        z = ((z ^ z >> 27) * 0x94d049bb133111eb) & mask
        yield z ^ z >> 31


single = hashlib.sha256()
for code in list(range(0x1, 0xd800)) + list(range(0xe000, 0x30000)) + list(range(0xe0000, 0xe0200)):
    record(single, chr(code))
print("every character:", single.hexdigest())

mixed = hashlib.sha256()
random = splitmix(4013)
refused = 0
for _ in range(20000):
    text = ""
    for _ in range(1 + next(random) % 6):
        low, high = RANGES[next(random) % len(RANGES)]
        text += chr(low + next(random) % (high - low))
    record(mixed, text)
    refused += prepare(text) is None
print("random strings:", mixed.hexdigest(), f"({refused} refused)")
