// SPDX-License-Identifier: Apache-2.0
//
// What gb_service and gb_client share: the methods of ubinder.interop.IEcho (see ../rust/aidl) as AIDL puts them into transactions,
// and two that carry HIDL's way of passing many files, a native handle: descriptors in an array.

#ifndef UBINDER_GB_ECHO_H
#define UBINDER_GB_ECHO_H

#include <gbinder.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE "/dev/binder"
#define INTERFACE "ubinder.interop.IEcho"

#define CALLBACK_INTERFACE "ubinder.interop.IEchoCallback"

enum {
	ECHO = 1,       // String echo(String text)
	REVERSE = 2,    // byte[] reverse(in byte[] bytes)
	CALLER_PID = 4, // int callerPid()
	FAIL = 6,       // void fail(int code)
	READ_ALL = 7,   // String readAll(in ParcelFileDescriptor file)
	OPEN_TEXT = 8,  // ParcelFileDescriptor openText(String text)
	SAME = 9,       // IBinder same(IBinder object)
	COUNT_DOWN = 11, // int countDown(IEchoCallback callback, int depth)
	TELL_LATER = 12, // oneway void tellLater(IEchoCallback callback, String text, int count)
	QUIT = 14,      // oneway void quit()
	TURN = 15,      // Kinds turn(in Kinds kinds)
	READ_EACH = 100, // String readEach(in handle files): what is in all of them, one after the other
	OPEN_EACH = 101, // handle openEach(String text): a file for each letter
};

// Those of IEchoCallback.
enum {
	ON_COUNT_DOWN = 1, // int onCountDown(int depth)
	ON_TEXT = 2,       // oneway void onText(String text)
};

enum { EX_SERVICE_SPECIFIC = -8 };

enum { MAX_FILES = 64 };

// A native handle: the descriptors follow the counts.
struct files {
	GBinderHidlHandle handle;
	GBinderFds counts;
	int fds[MAX_FILES];
};

// A pipe in which `length` bytes lie, closed at the other end. Returns the descriptor to read from.
static inline int pipe_with(const char *text, size_t length)
{
	int ends[2];
	if (pipe(ends) < 0 || write(ends[1], text, length) != (ssize_t)length) {
		perror("pipe");
		exit(1);
	}
	close(ends[1]);
	return ends[0];
}

// Appends what is left in a file.
static inline void read_rest(GString *text, int fd)
{
	char bytes[256];
	for (ssize_t count; (count = read(fd, bytes, sizeof(bytes))) > 0;)
		g_string_append_len(text, bytes, count);
}

// A ParcelFileDescriptor: that it is there, that it has no channel for errors, and the descriptor.
static inline void write_file(GBinderWriter *writer, int fd)
{
	gbinder_writer_append_int32(writer, 1);
	gbinder_writer_append_int32(writer, 0);
	gbinder_writer_append_fd(writer, fd);
}

// Returns the descriptor, which is the transaction's, or -1.
static inline int read_file(GBinderReader *reader)
{
	gint32 present = 0, channel = 1;
	if (!gbinder_reader_read_int32(reader, &present) || !gbinder_reader_read_int32(reader, &channel) || present != 1 || channel != 0)
		return -1;
	return gbinder_reader_read_fd(reader);
}

// A file for each letter. The files are the writer's until its transaction is sent; they are in `files`, to be closed then.
static inline void write_files(GBinderWriter *writer, struct files *files, const char *text)
{
	memset(files, 0, sizeof(*files));
	files->handle.data.fds = &files->counts;
	files->counts.version = GBINDER_HIDL_FDS_VERSION;
	while (text[files->counts.num_fds] && files->counts.num_fds < MAX_FILES) {
		files->fds[files->counts.num_fds] = pipe_with(text + files->counts.num_fds, 1);
		files->counts.num_fds++;
	}
	GBinderParent parent = { .offset = GBINDER_HIDL_HANDLE_VALUE_OFFSET };
	parent.index = gbinder_writer_append_buffer_object(writer, &files->handle, sizeof(files->handle));
	gbinder_writer_append_fds(writer, &files->counts, &parent);
}

static inline void close_files(struct files *files)
{
	for (guint32 i = 0; i < files->counts.num_fds; i++)
		close(files->fds[i]);
}

// Appends what is in all files of a native handle.
static inline void read_files(GBinderReader *reader, GString *text)
{
	const GBinderHidlHandle *handle = gbinder_reader_read_hidl_struct(reader, GBinderHidlHandle);
	for (guint32 i = 0; handle && i < handle->data.fds->num_fds; i++)
		read_rest(text, gbinder_fds_get_fd(handle->data.fds, i));
}

#endif
