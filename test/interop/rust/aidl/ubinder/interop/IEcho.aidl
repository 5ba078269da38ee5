// SPDX-License-Identifier: Apache-2.0
package ubinder.interop;

import ubinder.interop.IEchoCallback;
import ubinder.interop.Kinds;
import ubinder.interop.Note;

/** One method for each kind of thing a transaction can carry. */
interface IEcho {
    // The first method, so its transaction code is 1: binder-call uses it by number.
    String echo(String text);

    byte[] reverse(in byte[] bytes);

    Note grow(in Note note);

    int callerPid();

    int callerUid();

    /** Throws a service specific error with this code. */
    void fail(int code);

    String readAll(in ParcelFileDescriptor file);

    ParcelFileDescriptor openText(String text);

    /** The identity of a Binder object survives a round trip. */
    IBinder same(IBinder object);

    /** Holds a reference to the object, and lets go of the one held before. */
    void keep(@nullable IBinder object);

    /** Service and caller call each other in turn, `depth` times, before the first call returns. */
    int countDown(IEchoCallback callback, int depth);

    /** Returns at once; the answers arrive later as `count` calls of onText, in order. */
    oneway void tellLater(IEchoCallback callback, String text, int count);

    /** Waits before it returns, so that a caller can keep several threads of the service busy. */
    int sleep(int milliseconds);

    /** Ends the service's process, for tests of death notifications. */
    oneway void quit();

    /** Each field changed in a way of its own: see the services. */
    Kinds turn(in Kinds kinds);
}
