# SPDX-License-Identifier: Apache-2.0
"""
The methods of ubinder.interop.IEcho (see ../rust/aidl), and what AIDL puts into their parcels, by python3-gbinder.

Its writer takes numbers without a sign; it reads no null string, and hands out addresses for bytes: these are read and
written here as the numbers that they are in a parcel.
"""

import ctypes
import os
import struct
import time

DEVICE = "/dev/binder"
INTERFACE = "ubinder.interop.IEcho"
CALLBACK_INTERFACE = "ubinder.interop.IEchoCallback"

ECHO, REVERSE, CALLER_PID, FAIL, READ_ALL, OPEN_TEXT, SAME = 1, 2, 4, 6, 7, 8, 9
COUNT_DOWN, TELL_LATER, QUIT, TURN = 11, 12, 14, 15
ON_COUNT_DOWN, ON_TEXT = 1, 2
PING = int.from_bytes(b"_PNG", "big")

SERVICE_SPECIFIC = -8
OK = 0
EINVAL = -22
UNKNOWN_TRANSACTION = -74
ONEWAY = 1

_glib = ctypes.CDLL("libglib-2.0.so.0")
_glib.g_main_context_iteration.argtypes = [ctypes.c_void_p, ctypes.c_int]


def serve_until(holds, seconds):
    """Serves objects of ours until something holds, or time is up. Whether it holds."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        if not _glib.g_main_context_iteration(None, 0):
            time.sleep(0.002)
    return holds()


def write_int(out, value):
    out.append_int32(value & 0xFFFFFFFF)


def write_long(out, value):
    out.append_int64(value & 0xFFFFFFFFFFFFFFFF)


def read_int(parcel):
    good, value = parcel.read_int32()
    if not good:
        raise EOFError("a number is missing")
    return value


def read_long(parcel):
    good, value = parcel.read_int64()
    if not good:
        raise EOFError("a number is missing")
    return value


def write_text(out, text):
    if text is None:
        write_int(out, -1)
    else:
        out.append_string16(text)


def read_text(parcel):
    """A string that may be null: its length in UTF-16 units, the units, a zero, padding."""
    length = read_int(parcel)
    if length < 0:
        return None
    words = [read_int(parcel) & 0xFFFFFFFF for _ in range((length + 2) // 2)]
    return struct.pack(f"<{len(words)}I", *words)[: 2 * length].decode("utf-16-le")


def write_bytes(out, data):
    write_int(out, len(data))
    for (word,) in struct.iter_unpack("<I", data + bytes(-len(data) % 4)):
        out.append_int32(word)


def read_bytes(parcel):
    length = read_int(parcel)
    words = [read_int(parcel) & 0xFFFFFFFF for _ in range((length + 3) // 4)]
    return struct.pack(f"<{len(words)}I", *words)[:length]


def write_file(out, fd):
    """A ParcelFileDescriptor: that it is there, that it has no channel for errors, and the descriptor."""
    write_int(out, 1)
    write_int(out, 0)
    out.append_fd(fd)


def read_file(parcel):
    """All that is in a file; it is closed with its transaction."""
    if read_int(parcel) != 1 or read_int(parcel) != 0:
        raise ValueError("no file")
    fd = parcel.read_dup_fd()
    with os.fdopen(fd) as file:
        return file.read()


def pipe_with(text):
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    return read


def write_kinds(out, kinds):
    write_int(out, 1)
    start = out.bytes_written()
    write_int(out, 0)
    for field in ("yes", "tiny", "letter", "number"):
        write_int(out, int(kinds[field]))
    write_long(out, kinds["large"])
    out.append_float(kinds["ratio"])
    out.append_double(kinds["exact"])
    write_text(out, kinds["text"])
    write_text(out, kinds["maybe"])
    write_bytes(out, kinds["bytes"])
    write_int(out, len(kinds["numbers"]))
    for number in kinds["numbers"]:
        write_int(out, number)
    write_int(out, len(kinds["texts"]))
    for text in kinds["texts"]:
        write_text(out, text)
    out.overwrite_int32(start, out.bytes_written() - start)


def read_kinds(parcel):
    if read_int(parcel) != 1:
        raise ValueError("no Kinds")
    start = parcel.bytes_read()
    size = read_int(parcel)
    kinds = {
        "yes": bool(read_int(parcel)),
        "tiny": read_int(parcel),
        "letter": read_int(parcel),
        "number": read_int(parcel),
        "large": read_long(parcel),
        "ratio": parcel.read_float()[1],
        "exact": parcel.read_double()[1],
        "text": read_text(parcel),
        "maybe": read_text(parcel),
        "bytes": read_bytes(parcel),
        "numbers": [read_int(parcel) for _ in range(read_int(parcel))],
        "texts": [read_text(parcel) for _ in range(read_int(parcel))],
    }
    if parcel.bytes_read() - start != size:
        raise ValueError("Kinds has another size than it says")
    return kinds


def turned(kinds):
    """What IEcho.turn makes of it."""
    return {
        "yes": not kinds["yes"],
        "tiny": -kinds["tiny"],
        "letter": kinds["letter"] + 1,
        "number": -kinds["number"],
        "large": -kinds["large"],
        "ratio": kinds["ratio"] * 2,
        "exact": kinds["exact"] / 2,
        "text": kinds["text"] + "!",
        "maybe": "was null" if kinds["maybe"] is None else None,
        "bytes": kinds["bytes"][::-1],
        "numbers": kinds["numbers"][::-1],
        "texts": kinds["texts"][::-1],
    }
