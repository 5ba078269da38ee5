# SPDX-License-Identifier: Apache-2.0
"""
py_wire NAME TABLE: an IWire (see ../../aidl/wire) that passes each call on to another, as a server on one side and a client on the other.
TABLE is the file of ../wire-table.ts. It registers with the service manager, prints `ready NAME`, serves until killed; by `passOn` it is told
whom to pass on to.
"""

import math
import sys

import gbinder
from echo_parcels import (
    DEVICE,
    EINVAL,
    OK,
    ONEWAY,
    SERVICE_SPECIFIC,
    UNKNOWN_TRANSACTION,
    read_int,
    serve_until,
    write_int,
)
from wire_types import Types, require, split

INTERFACE = "ubinder.wire.IWire"
PARCELABLE = -9


def types_of(word):
    return [] if word == "-" else list(split(word))


def pass_on(method, given, out):
    """Returns the status."""
    code, kind, sent, returned = method
    request = target.new_request()
    values = [types.read(one, given) for one in sent]
    require(given.bytes_remaining() == 0, "the request has more")
    writer = request.init_writer()
    for one, value in zip(sent, values, strict=True):
        types.write(one, value, writer)
    if kind == "oneway":
        return target.transact_sync_oneway(code, request)
    reply, status = target.transact_sync_reply(code, request)
    if status == OK:
        pass_reply(returned, reply.init_reader(), out)
    return status


def pass_reply(returned, reply, out):
    exception = read_int(reply)
    require(PARCELABLE <= exception <= 0, f"exception {exception}")
    write_int(out, exception)
    # A message, and the size of a stack that is not there
    following = returned if exception == 0 else ["?s", "i"]
    if exception in (SERVICE_SPECIFIC, PARCELABLE):
        following = [*following, "i"]
    values = [types.read(one, reply) for one in following]
    require(reply.bytes_remaining() == 0, "the reply has more")
    for one, value in zip(following, values, strict=True):
        types.write(one, value, out)


def handle(request, code, flags):
    global target
    # libgbinder sends a reply after its handler has returned: what it carries may go when the next call comes
    types.close()
    if code not in methods:
        return None, UNKNOWN_TRANSACTION
    method = methods[code]
    reply = service.new_reply()
    given, out = request.init_reader(), reply.init_writer()
    try:
        if method[1] == "target":
            to = types.read("?o", given)
            target = to and gbinder.Client(to, INTERFACE)
            write_int(out, 0)
        else:
            status = pass_on(method, given, out)
            if status != OK:
                return None, status
    except Exception as error:
        print(f"py_wire: {code}: {error!r}", file=sys.stderr, flush=True)
        return None, EINVAL
    return (None if flags & ONEWAY else reply), OK


name, path = sys.argv[1:]
with open(path) as table:
    lines = [line.split() for line in table]
types = Types([line for line in lines if line[0] != "m"])
methods = {
    int(code): (int(code), kind, types_of(sent), types_of(returned))
    for letter, code, kind, sent, returned in (line for line in lines if line[0] == "m")
}
target = None
manager = gbinder.ServiceManager(DEVICE)
manager.wait(-1)
service = manager.new_local_object(INTERFACE, handle)
status = manager.add_service_sync(name, service)
if status != OK:
    sys.exit(f"py_wire: cannot register {name}: status {status}")
print(f"ready {name}", flush=True)
serve_until(lambda: False, math.inf)
