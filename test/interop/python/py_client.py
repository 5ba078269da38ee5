# SPDX-License-Identifier: Apache-2.0
"""
py_client NAME CHECK...: calls the service of that name, one line of output for each check: `ok CHECK` or `failed CHECK: WHY`. Exit status 1
if any failed. Checks: list ping echo kinds large error send-fd receive-fd callback nested oneway, and death, which ends the service.
"""

import os
import sys

import gbinder
from echo_parcels import *

PATIENCE = 20
MANY = 50
TEXT = "Grüße, 世界 🌍"


def equal(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {str(got)[:200]}, not {str(wanted)[:200]}")


def call(code, write=lambda out: None):
    """Begins to read the reply of a call that worked."""
    request = client.new_request()
    write(request.init_writer())
    reply, status = client.transact_sync_reply(code, request)
    equal(status, OK)
    parcel = reply.init_reader()
    equal(read_int(parcel), 0)
    # The reply owns what is read from it.
    return parcel, reply


def list_names():
    if name not in manager.list_sync():
        raise AssertionError(f"{name} is not listed")


def ping():
    equal(client.transact_sync_reply(PING, client.new_request())[1], OK)


def echo():
    parcel, _reply = call(ECHO, lambda out: write_text(out, TEXT))
    equal(parcel.read_string16(), TEXT)


def kinds():
    given = {
        "yes": True,
        "tiny": -7,
        "letter": ord("ä"),
        "number": 2**31 - 1,
        "large": 2**63 - 1,
        "ratio": 0.75,
        "exact": 1e300,
        "text": TEXT,
        "maybe": None,
        "bytes": bytes([0, 1, 127, 128, 255]),
        "numbers": [1, 1 - 2**31, 0],
        "texts": ["", "b"],
    }
    for maybe in (None, "there"):
        given["maybe"] = maybe
        parcel, _reply = call(TURN, lambda out: write_kinds(out, given))
        equal(read_kinds(parcel), turned(given))


def large():
    data = bytes(number % 251 for number in range(900_000))
    parcel, _reply = call(REVERSE, lambda out: write_bytes(out, data))
    if read_bytes(parcel) != data[::-1]:
        raise AssertionError("the bytes came back changed")


def error():
    request = client.new_request()
    write_int(request.init_writer(), 1234)
    reply, status = client.transact_sync_reply(FAIL, request)
    equal(status, OK)
    parcel = reply.init_reader()
    got = read_int(parcel), read_text(parcel), read_int(parcel), read_int(parcel)
    equal(got, (SERVICE_SPECIFIC, "as asked", 0, 1234))


def send_fd():
    read = pipe_with("through the pipe")
    parcel, _reply = call(READ_ALL, lambda out: write_file(out, read))
    os.close(read)
    equal(read_text(parcel), "through the pipe")


def receive_fd():
    parcel, _reply = call(OPEN_TEXT, lambda out: write_text(out, "from the service"))
    equal(read_file(parcel), "from the service")


def new_callback(heard):
    def hear(request, code, flags):
        parcel = request.init_reader()
        if code == ON_TEXT:
            heard.append(read_text(parcel))
            return None, OK
        if code != ON_COUNT_DOWN:
            return None, EINVAL
        depth = read_int(parcel)
        counted = count_down(callback, depth - 1) + 1 if depth > 0 else 0
        reply = callback.new_reply()
        out = reply.init_writer()
        write_int(out, 0)
        write_int(out, counted)
        return reply, OK

    callback = manager.new_local_object(CALLBACK_INTERFACE, hear)
    return callback


def count_down(callback, depth):
    """What the service answers while we wait."""

    def write(out):
        out.append_local_object(callback)
        write_int(out, depth)

    parcel, _reply = call(COUNT_DOWN, write)
    return read_int(parcel)


def counts_down(depth):
    """Not by a call that waits: this thread serves our object."""
    answers = []

    def on_reply(reply, status):
        parcel = reply.init_reader() if status == OK else None
        answers.append((read_int(parcel), read_int(parcel)) if parcel else status)

    callback = new_callback([])
    request = client.new_request()
    out = request.init_writer()
    out.append_local_object(callback)
    write_int(out, depth)
    client.transact(COUNT_DOWN, 0, request, on_reply, lambda: None)
    serve_until(lambda: answers, PATIENCE)
    equal(answers, [(0, depth)])


def called_back():
    counts_down(1)


def nested():
    for depth in (0, 1, 2, 9):
        counts_down(depth)


def oneway():
    heard = []
    callback = new_callback(heard)
    request = client.new_request()
    out = request.init_writer()
    out.append_local_object(callback)
    write_text(out, "text")
    write_int(out, MANY)
    equal(client.transact_sync_oneway(TELL_LATER, request), OK)
    serve_until(lambda: len(heard) == MANY, PATIENCE)
    equal(heard, [f"text {number}" for number in range(MANY)])


def death():
    deaths = []
    service.add_death_handler(lambda: deaths.append(True))
    client.transact_sync_oneway(QUIT, client.new_request())
    serve_until(lambda: deaths, PATIENCE)
    equal((deaths, service.is_dead()), ([True], True))
    if client.transact_sync_reply(PING, client.new_request())[1] == OK:
        raise AssertionError("it still answers")


CHECKS = {
    "list": list_names,
    "ping": ping,
    "echo": echo,
    "kinds": kinds,
    "large": large,
    "error": error,
    "send-fd": send_fd,
    "receive-fd": receive_fd,
    "callback": called_back,
    "nested": nested,
    "oneway": oneway,
    "death": death,
}

name, *wanted = sys.argv[1:]
manager = gbinder.ServiceManager(DEVICE)
service, status = manager.get_service_sync(name)
if service is None:
    sys.exit(f"py_client: no service {name}: status {status}")
client = gbinder.Client(service, INTERFACE)
good = True
for check in wanted:
    try:
        CHECKS[check]()
        print(f"ok {check}", flush=True)
    except Exception as failure:
        good = False
        print(f"failed {check}: {failure!r}", flush=True)
# Without an end to the interpreter, in which the order of theirs frees objects that others still use.
sys.stdout.flush()
os._exit(0 if good else 1)
