"""Digests of spec.md section 5: CRC-32C, CRC-32, XXH64 and XXH3_64bits (seed 0, default secret)."""

import struct
import zlib

MASK32 = 0xFFFFFFFF
MASK64 = 0xFFFFFFFFFFFFFFFF


# --- CRC ------------------------------------------------------------------------------------------------

def _crc_table(reversed_polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (reversed_polynomial if value & 1 else 0)
        table.append(value)
    return table


_CRC32C_TABLE = _crc_table(0x82F63B78)


def crc32c(data):
    """CRC-32/ISCSI: polynomial 0x1edc6f41, reflected, init and xorout all ones."""
    table = _CRC32C_TABLE
    crc = MASK32
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ MASK32


def crc32(data):
    """CRC-32/ISO-HDLC, the one of zlib."""
    return zlib.crc32(data) & MASK32


# --- What XXH64 and XXH3 share --------------------------------------------------------------------------

P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1 = 0x9E3779B185EBCA87
P64_2 = 0xC2B2AE3D27D4EB4F
P64_3 = 0x165667B19E3779F9
P64_4 = 0x85EBCA77C2B2AE63
P64_5 = 0x27D4EB2F165667C5


def _u32(data, offset):
    return int.from_bytes(data[offset:offset + 4], "little")


def _u64(data, offset):
    return int.from_bytes(data[offset:offset + 8], "little")


def _rotl(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & MASK64


def _xxh64_avalanche(h):
    h = ((h ^ (h >> 33)) * P64_2) & MASK64
    h = ((h ^ (h >> 29)) * P64_3) & MASK64
    return h ^ (h >> 32)


# --- XXH64 ----------------------------------------------------------------------------------------------

def _xxh64_round(acc, lane):
    return _rotl((acc + lane * P64_2) & MASK64, 31) * P64_1 & MASK64


def _xxh64_stripes(data):
    """The four lanes over all whole stripes of 32 bytes, merged into one value."""
    lanes = [(P64_1 + P64_2) & MASK64, P64_2, 0, (-P64_1) & MASK64]
    end = len(data) & ~31
    for words in struct.iter_unpack("<4Q", data[:end]):
        lanes = [_xxh64_round(acc, word) for acc, word in zip(lanes, words)]
    h = sum(_rotl(acc, bits) for acc, bits in zip(lanes, (1, 7, 12, 18))) & MASK64
    for acc in lanes:
        h = ((h ^ _xxh64_round(0, acc)) * P64_1 + P64_4) & MASK64
    return h, end


def xxh64(data):
    data = bytes(data)
    h, at = _xxh64_stripes(data) if len(data) >= 32 else (P64_5, 0)
    h = (h + len(data)) & MASK64
    while at + 8 <= len(data):
        h = (_rotl(h ^ _xxh64_round(0, _u64(data, at)), 27) * P64_1 + P64_4) & MASK64
        at += 8
    if at + 4 <= len(data):
        h = (_rotl(h ^ (_u32(data, at) * P64_1 & MASK64), 23) * P64_2 + P64_3) & MASK64
        at += 4
    for byte in data[at:]:
        h = _rotl(h ^ (byte * P64_5 & MASK64), 11) * P64_1 & MASK64
    return _xxh64_avalanche(h)


# --- XXH3, 64 bits, seed 0 ------------------------------------------------------------------------------

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")


def _fold(a, b):
    """Both halves of the 128-bit product, XORed."""
    product = a * b
    return (product & MASK64) ^ (product >> 64)


def _xxh3_avalanche(h):
    h = ((h ^ (h >> 37)) * 0x165667919E3779F9) & MASK64
    return h ^ (h >> 32)


def _secret_pair(offset):
    return _u64(_SECRET, offset) ^ _u64(_SECRET, offset + 8)


def _xxh3_1_to_3(data):
    n = len(data)
    combined = (data[0] << 16) | (data[n >> 1] << 24) | data[n - 1] | (n << 8)
    return _xxh64_avalanche(combined ^ _u32(_SECRET, 0) ^ _u32(_SECRET, 4))


def _xxh3_4_to_8(data):
    n = len(data)
    h = (_u32(data, n - 4) + (_u32(data, 0) << 32)) ^ _secret_pair(8)
    h ^= _rotl(h, 49) ^ _rotl(h, 24)
    h = h * 0x9FB21C651E98DF25 & MASK64
    h ^= (h >> 35) + n
    h = h * 0x9FB21C651E98DF25 & MASK64
    return h ^ (h >> 28)


def _xxh3_9_to_16(data):
    n = len(data)
    low = _u64(data, 0) ^ _secret_pair(24)
    high = _u64(data, n - 8) ^ _secret_pair(40)
    swapped = int.from_bytes(low.to_bytes(8, "little"), "big")
    return _xxh3_avalanche((n + swapped + high + _fold(low, high)) & MASK64)


def _mix16(data, at, secret_at):
    return _fold(_u64(data, at) ^ _u64(_SECRET, secret_at),
                 _u64(data, at + 8) ^ _u64(_SECRET, secret_at + 8))


def _xxh3_17_to_128(data):
    n = len(data)
    acc = n * P64_1
    for i in range((n - 1) // 32 + 1):
        acc += _mix16(data, 16 * i, 32 * i) + _mix16(data, n - 16 * (i + 1), 32 * i + 16)
    return _xxh3_avalanche(acc & MASK64)


def _xxh3_129_to_240(data):
    n = len(data)
    acc = n * P64_1 + sum(_mix16(data, 16 * i, 16 * i) for i in range(8))
    acc = _xxh3_avalanche(acc & MASK64)
    acc += sum(_mix16(data, 16 * i, 16 * (i - 8) + 3) for i in range(8, n // 16))
    acc += _mix16(data, n - 16, 136 - 17)
    return _xxh3_avalanche(acc & MASK64)


def _accumulate(acc, stripe, secret_at):
    secret = struct.unpack_from("<8Q", _SECRET, secret_at)
    for i, value in enumerate(struct.unpack("<8Q", stripe)):
        key = value ^ secret[i]
        acc[i ^ 1] = (acc[i ^ 1] + value) & MASK64
        acc[i] = (acc[i] + (key & MASK32) * (key >> 32)) & MASK64


def _scramble(acc):
    for i, key in enumerate(struct.unpack_from("<8Q", _SECRET, 128)):
        acc[i] = (acc[i] ^ (acc[i] >> 47) ^ key) * P32_1 & MASK64


def _xxh3_long(data):
    n = len(data)
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    for stripe in range((n - 1) // 64):
        _accumulate(acc, data[64 * stripe:64 * stripe + 64], 8 * (stripe % 16))
        if stripe % 16 == 15:
            _scramble(acc)
    _accumulate(acc, data[n - 64:], 121)
    h = n * P64_1
    for i in range(4):
        h += _fold(acc[2 * i] ^ _u64(_SECRET, 11 + 16 * i), acc[2 * i + 1] ^ _u64(_SECRET, 19 + 16 * i))
    return _xxh3_avalanche(h & MASK64)


def xxh3(data):
    data = bytes(data)
    n = len(data)
    if n == 0:
        return _xxh64_avalanche(_secret_pair(56))
    for limit, function in ((3, _xxh3_1_to_3), (8, _xxh3_4_to_8), (16, _xxh3_9_to_16),
                            (128, _xxh3_17_to_128), (240, _xxh3_129_to_240)):
        if n <= limit:
            return function(data)
    return _xxh3_long(data)


# --- Ids ------------------------------------------------------------------------------------------------

NAMES = {0: "none", 1: "crc32c", 2: "xxh64", 3: "crc32", 4: "xxh3"}
IDS = {name: number for number, name in NAMES.items()}
PRIVATE_FIRST = 128

# Private id 128 of the vectors (section 20); a reader knows it only where it is told to.
ADLER32 = {128: lambda body: zlib.adler32(body) & MASK32}

_PUBLIC = {
    0: lambda body: 0,
    1: crc32c,
    2: lambda body: xxh64(body) & MASK32,
    3: crc32,
    4: lambda body: xxh3(body) & MASK32,
}


def hasher(checksum, private=None):
    """The function from body to u32 of a checksum id, or None where there is none."""
    if checksum >= PRIVATE_FIRST:
        return (private or {}).get(checksum)
    return _PUBLIC.get(checksum)


def name_of(checksum):
    return NAMES.get(checksum, "private:%d" % checksum)


def id_of(name):
    return int(name[8:]) if name.startswith("private:") else IDS[name]


def self_check():
    """Published values, so that a slip here is not taken for one in a vector."""
    known = (
        (crc32c, b"123456789", 0xE3069283),
        (crc32, b"123456789", 0xCBF43926),
        (xxh64, b"", 0xEF46DB3751D8E999),
        (xxh64, b"abc", 0x44BC2CF5AD770999),
        (xxh64, b"123456789", 0x8CB841DB40E6AE83),
        (xxh3, b"", 0x2D06800538D394C2),
        (xxh3, b"abc", 0x78AF5F94892F3950),
        (xxh3, b"123456789", 0x72DCB18B67A17DFF),
    )
    for function, data, value in known:
        if function(data) != value:
            raise AssertionError("%s(%r) is 0x%x, not 0x%x" % (function.__name__, data, function(data), value))
