"""Pictures for the documentation: PNG with a palette, a third of the bytes."""

import struct
import zlib

COLORS = 256


def chunks(data):
    at = 8
    while at < len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        yield data[at + 4:at + 8], data[at + 8:at + 8 + length]
        at += 12 + length


def chunk(kind, body):
    return (struct.pack(">I", len(body)) + kind + body
            + struct.pack(">I", zlib.crc32(kind + body)))


def nearest(left, up, corner):
    """PNG's Paeth predictor."""
    guess = left + up - corner
    return min(left, up, corner, key=lambda value: (
        abs(guess - value), (left, up, corner).index(value)))


PREDICT = [lambda left, up, corner: 0, lambda left, up, corner: left,
           lambda left, up, corner: up,
           lambda left, up, corner: (left + up) // 2, nearest]


def rows(raw, width, height, step):
    """The bytes of each row, without its filter."""
    length = width * step
    above = bytearray(length + step)
    for y in range(height):
        kind, *line = raw[y * (length + 1):(y + 1) * (length + 1)]
        row = bytearray(length + step)  # a pixel of zeros in front
        for i, byte in enumerate(line):
            row[i + step] = (byte + PREDICT[kind](
                row[i], above[i + step], above[i])) % 256
        above = row
        yield row[step:]


def palette(pixels):
    """The most frequent colors, and the place of the nearest for each."""
    count = {}
    for pixel in pixels:
        count[pixel] = count.get(pixel, 0) + 1
    colors = sorted(count, key=count.get, reverse=True)[:COLORS]
    return colors, {pixel: min(range(len(colors)), key=lambda i: sum(
        (a - b) ** 2 for a, b in zip(colors[i], pixel))) for pixel in count}


def smaller(data):
    """The same picture, RGB or RGBA, by a palette."""
    parts = list(chunks(data))
    width, height, depth, kind = struct.unpack(">IIBB", parts[0][1][:10])
    assert depth == 8 and kind in (2, 6)
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(body for name, body in parts
                                   if name == b"IDAT"))
    lines = [[tuple(channel & 0xF8 | channel >> 5 for channel in row[i:i + 3])
              for i in range(0, len(row), step)]
             for row in rows(raw, width, height, step)]
    colors, place = palette(pixel for line in lines for pixel in line)
    return (data[:8]
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0,
                                         0, 0))
            + chunk(b"PLTE", bytes(c for color in colors for c in color))
            + chunk(b"IDAT", zlib.compress(b"".join(
                b"\0" + bytes(place[pixel] for pixel in line)
                for line in lines), 9))
            + chunk(b"IEND", b""))
