# SPDX-License-Identifier: Apache-2.0
"""
AIDL's types by python3-gbinder, which has none of its own above numbers, objects and descriptors. Types are the letters of ../wire-table.ts.
"""

import os
import struct

from echo_parcels import read_int, read_long, write_bytes, write_int, write_long

SIGNED = {"b": 8, "i": 32, "n": 32}
MAP_TYPES = {0: "s", 1: "i", 6: "l", 8: "d", 9: "z", 13: "[b", 15: "o", 18: "[i", 19: "[l", 28: "[d"}
# BINDER_TYPE_BINDER; with flags, pointer, cookie and stability
NULL_BINDER, NULL_BINDER_WORDS = 0x73622A85, 7
NULL, STRING, MAP, LIST = -1, 0, 2, 11


def split(types):
    """The types one after the other."""
    start = at = 0
    while at < len(types):
        letter = types[at]
        at += 1
        if letter in "?[":
            continue
        if letter.isdigit():
            at = types.index("*", at) + 1
            continue
        if letter == "{":
            at = types.index("}", at) + 1
        yield types[start:at]
        start = at


def require(holds, what):
    if not holds:
        raise ValueError(what)


class Types:
    """Reads values of types as Python's own, and writes them. What it opened to write it is closed by `close`."""

    def __init__(self, named):
        """`named` has kind, descriptor and types of each parcelable and union."""
        self.named = [(kind, descriptor, list(split(types))) for kind, descriptor, types in named]
        self.held = []

    def close(self):
        for held in self.held:
            if isinstance(held, int):
                os.close(held)
        self.held.clear()

    def read(self, kind, parcel):
        nullable = kind[0] == "?"
        kind = kind.removeprefix("?")
        letter = kind[0]
        if letter in SIGNED or letter in "zc":
            value = read_int(parcel)
            bits = SIGNED.get(letter)
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if bits else (0, {"z": 1, "c": 0xFFFF}[letter])
            require(low <= value <= high, f"{value} as {kind}")
            return bool(value) if letter == "z" else value
        if letter == "l":
            return read_long(parcel)
        if letter in "fd":
            good, value = parcel.read_float() if letter == "f" else parcel.read_double()
            require(good, "a number is missing")
            return value
        if letter == "h":
            return self.read_descriptor(parcel)
        if letter == "H":
            return self.read_holder(parcel)
        value = {
            "s": self.read_string,
            "o": self.read_object,
            "p": self.read_file,
            "M": self.read_map,
            "{": self.read_named,
        }.get(letter, self.read_array)(parcel, kind)
        require(nullable or value is not None, f"null as {kind}")
        return value

    def write(self, kind, value, out):
        kind = kind.removeprefix("?")
        letter = kind[0]
        if letter in SIGNED or letter in "zc":
            write_int(out, int(value))
        elif letter == "l":
            write_long(out, value)
        elif letter == "f":
            out.append_float(value)
        elif letter == "d":
            out.append_double(value)
        elif letter == "h":
            out.append_fd(value)
        elif letter == "o":
            self.write_object(out, value)
        elif value is None:
            write_int(out, 0 if letter in "p{" else -1)
        else:
            {
                "s": self.write_string,
                "p": self.write_file,
                "H": self.write_holder,
                "M": self.write_map,
                "{": self.write_named,
            }.get(letter, self.write_array)(out, kind, value)

    # Strings are UTF-16, and may be what is no text.

    def read_string(self, parcel, _kind=None):
        length = read_int(parcel)
        if length < 0:
            return None
        words = [read_int(parcel) & 0xFFFFFFFF for _ in range((length + 2) // 2)]
        units = struct.pack(f"<{len(words)}I", *words)
        require(not any(units[2 * length : 2 * length + 2]), "a string goes on behind its end")
        return units[: 2 * length].decode("utf-16-le", "surrogatepass")

    def write_string(self, out, _kind, value):
        units = value.encode("utf-16-le", "surrogatepass")
        write_int(out, len(units) // 2)
        units += bytes(2 if len(units) % 4 else 4)
        for (word,) in struct.iter_unpack("<I", units):
            out.append_int32(word)

    # Objects and descriptors must be there until what they are in has been sent.

    def read_object(self, parcel, _kind):
        """A null binder has zeros behind its type; python3-gbinder reads none, for it is not among the objects."""
        good, value = parcel.read_nullable_object()
        if good:
            self.held.append(value)
            return value
        words = [read_int(parcel) for _ in range(NULL_BINDER_WORDS)]
        require(words == [NULL_BINDER] + [0] * (NULL_BINDER_WORDS - 1), "an object is missing")
        return None

    def write_object(self, out, value):
        if value is not None:
            out.append_remote_object(value)
            return
        write_int(out, NULL_BINDER)
        for _ in range(NULL_BINDER_WORDS - 1):
            write_int(out, 0)

    def read_descriptor(self, parcel):
        fd = parcel.read_dup_fd()
        require(fd >= 0, "a descriptor is missing")
        self.held.append(fd)
        return fd

    def read_file(self, parcel, _kind):
        if read_int(parcel) == 0:
            return None
        require(read_int(parcel) == 0, "a channel for errors")
        return self.read_descriptor(parcel)

    def write_file(self, out, _kind, value):
        write_int(out, 1)
        write_int(out, 0)
        out.append_fd(value)

    def read_array(self, parcel, kind):
        length, _, element = kind.partition("[" if kind[0] == "[" else "*")
        if element == "b":
            value = self.read_byte_array(parcel)
        else:
            count = read_int(parcel)
            value = None if count < 0 else [self.read(element, parcel) for _ in range(count)]
        require(not length or value is None or len(value) == int(length), f"{value} as {kind}")
        return value

    def read_byte_array(self, parcel):
        count = read_int(parcel)
        if count < 0:
            return None
        words = [read_int(parcel) & 0xFFFFFFFF for _ in range((count + 3) // 4)]
        return struct.pack(f"<{len(words)}I", *words)[:count]

    def write_array(self, out, kind, value):
        _, _, element = kind.partition("[" if kind[0] == "[" else "*")
        if element == "b":
            write_bytes(out, value)
            return
        write_int(out, len(value))
        for one in value:
            self.write(element, one, out)

    def read_named(self, parcel, kind):
        what, descriptor, types = self.named[int(kind[1:-1])]
        present = read_int(parcel)
        require(present in (0, 1), f"{present} before {descriptor}")
        if not present:
            return None
        if what == "u":
            tag = read_int(parcel)
            require(0 <= tag < len(types), f"tag {tag} of {descriptor}")
            return tag, self.read(types[tag], parcel)
        with_size = parcel.bytes_read()
        size = read_int(parcel)
        fields = [self.read(field, parcel) for field in types]
        require(parcel.bytes_read() - with_size == size, f"the size of {descriptor}")
        return fields

    def write_named(self, out, kind, value):
        what, _, types = self.named[int(kind[1:-1])]
        write_int(out, 1)
        if what == "u":
            tag, member = value
            write_int(out, tag)
            self.write(types[tag], member, out)
            return
        with_size = out.bytes_written()
        write_int(out, 0)
        for field, one in zip(types, value, strict=True):
            self.write(field, one, out)
        out.overwrite_int32(with_size, out.bytes_written() - with_size)

    def read_holder(self, parcel):
        """That it is there, its stability, its size, and by name what it holds."""
        require(read_int(parcel) == 1, "a holder is missing")
        stability = read_int(parcel)
        size = read_int(parcel)
        if size == 0:
            return stability, None, None
        start = parcel.bytes_read()
        descriptor = self.read_string(parcel)
        place = [one[1] for one in self.named].index(descriptor)
        value = self.read(f"{{{place}}}", parcel)
        require(parcel.bytes_read() - start == size, "the size of a holder")
        return stability, place, value

    def write_holder(self, out, _kind, value):
        stability, place, held = value
        write_int(out, 1)
        write_int(out, stability)
        behind = self.begin_size(out)
        if place is None:
            return
        self.write_string(out, "s", self.named[place][1])
        self.write(f"{{{place}}}", held, out)
        self.end_size(out, behind)

    def begin_size(self, out):
        write_int(out, 0)
        return out.bytes_written()

    def end_size(self, out, behind):
        out.overwrite_int32(behind - 4, out.bytes_written() - behind)

    def read_map(self, parcel, _kind):
        count = read_int(parcel)
        if count < 0:
            return None
        entries = []
        for _ in range(count):
            require(read_int(parcel) == STRING, "a key that is no string")
            entries.append((self.read("s", parcel), self.read_value(parcel)))
        return entries

    def write_map(self, out, _kind, entries):
        write_int(out, len(entries))
        for key, value in entries:
            write_int(out, STRING)
            self.write("s", key, out)
            self.write_value(out, value)

    def read_value(self, parcel):
        """With its type: what follows is as Java writes it."""
        type_of_value = read_int(parcel)
        if type_of_value == NULL:
            return NULL, None
        if type_of_value not in (MAP, LIST):
            return type_of_value, self.read(MAP_TYPES[type_of_value], parcel)
        size = read_int(parcel)
        start = parcel.bytes_read()
        if type_of_value == MAP:
            value = self.read("M", parcel)
        else:
            value = [self.read_value(parcel) for _ in range(read_int(parcel))]
        require(parcel.bytes_read() - start == size, "the size of a value")
        return type_of_value, value

    def write_value(self, out, typed):
        type_of_value, value = typed
        write_int(out, type_of_value)
        if type_of_value == NULL:
            return
        if type_of_value not in (MAP, LIST):
            self.write(MAP_TYPES[type_of_value], value, out)
            return
        behind = self.begin_size(out)
        if type_of_value == MAP:
            self.write("M", value, out)
        else:
            write_int(out, len(value))
            for one in value:
                self.write_value(out, one)
        self.end_size(out, behind)
