# SPDX-License-Identifier: Apache-2.0
"""py_service NAME: registers an IEcho with the service manager, prints `ready NAME`, serves until killed."""

import math
import os
import sys

import gbinder
from echo_parcels import *

# libgbinder sends a reply after its handler has returned: a file in it is closed when the next call comes.
sent_files = []


def call_back(callback, depth):
    """What a callback answers. In the meantime nothing else is served: libgbinder has one thread for its objects."""
    client = gbinder.Client(callback, CALLBACK_INTERFACE)
    request = client.new_request()
    write_int(request.init_writer(), depth)
    reply, status = client.transact_sync_reply(ON_COUNT_DOWN, request)
    parcel = reply.init_reader() if status == OK else None
    if parcel is None or read_int(parcel) != 0:
        raise ValueError("the callback failed")
    return read_int(parcel)


def tell_later(callback, text, count):
    client = gbinder.Client(callback, CALLBACK_INTERFACE)
    for number in range(count):
        request = client.new_request()
        write_text(request.init_writer(), f"{text} {number}")
        client.transact_sync_oneway(ON_TEXT, request)


def answer(request, code, given, out):
    """Writes what follows the header of the reply. Whether there is such a method."""
    if code == FAIL:
        write_int(out, SERVICE_SPECIFIC)
        write_text(out, "as asked")
        write_int(out, 0)
        write_int(out, read_int(given))
        return True
    write_int(out, 0)
    if code == ECHO:
        write_text(out, read_text(given))
    elif code == REVERSE:
        write_bytes(out, read_bytes(given)[::-1])
    elif code == CALLER_PID:
        write_int(out, request.sender_pid())
    elif code == READ_ALL:
        write_text(out, read_file(given))
    elif code == OPEN_TEXT:
        sent_files.append(pipe_with(read_text(given)))
        write_file(out, sent_files[-1])
    elif code == SAME:
        out.append_remote_object(given.read_object())
    elif code == COUNT_DOWN:
        callback, depth = given.read_object(), read_int(given)
        write_int(out, call_back(callback, depth - 1) + 1 if depth > 0 else 0)
    elif code == TELL_LATER:
        tell_later(given.read_object(), read_text(given), read_int(given))
    elif code == TURN:
        write_kinds(out, turned(read_kinds(given)))
    elif code == QUIT:
        os._exit(0)
    else:
        return False
    return True


def handle(request, code, flags):
    while sent_files:
        os.close(sent_files.pop())
    reply = service.new_reply()
    try:
        known = answer(request, code, request.init_reader(), reply.init_writer())
    except Exception as error:
        print(f"py_service: {error!r}", file=sys.stderr, flush=True)
        return None, EINVAL
    if not known:
        return None, UNKNOWN_TRANSACTION
    return (None if flags & ONEWAY else reply), OK


name = sys.argv[1]
manager = gbinder.ServiceManager(DEVICE)
manager.wait(-1)
service = manager.new_local_object(INTERFACE, handle)
status = manager.add_service_sync(name, service)
if status != OK:
    sys.exit(f"py_service: cannot register {name}: status {status}")
print(f"ready {name}", flush=True)
serve_until(lambda: False, math.inf)
