// SPDX-License-Identifier: Apache-2.0
//
// gb_wire NAME TABLE: an IWire (see ../../aidl/wire) that passes each call on to another, as a server on one side and a client on the other.
// TABLE is the file of ../wire-table.ts. It registers with the service manager, prints `ready NAME`, serves until killed; by `passOn` it is
// told whom to pass on to.

#include "gb_types.h"

#include <errno.h>
#include <stdio.h>

#define DEVICE "/dev/binder"
#define INTERFACE "ubinder.wire.IWire"

enum { MAX_METHODS = 128, UNKNOWN_TRANSACTION = -EBADMSG };

enum { EX_SERVICE_SPECIFIC = -8, EX_PARCELABLE = -9 };

enum { SYNC = 's', ONEWAY = 'o', TARGET = 't' };

static struct method {
	guint code;
	char kind;
	char *request, *reply;
} methods[MAX_METHODS];

static int method_count;
static GBinderClient *target;

static char *types_of(const char *word)
{
	return g_strdup(strcmp(word, "-") == 0 ? "" : word);
}

static gboolean read_table(const char *path)
{
	char *table = NULL;
	if (!g_file_get_contents(path, &table, NULL, NULL))
		return FALSE;
	char **lines = g_strsplit(table, "\n", -1);
	for (char **line = lines; *line && **line; line++) {
		char **words = g_strsplit(*line, " ", -1);
		guint count = g_strv_length(words);
		if (**line == 'm' && count == 5 && method_count < MAX_METHODS) {
			methods[method_count++] =
				(struct method){ atoi(words[1]), words[2][0], types_of(words[3]), types_of(words[4]) };
		} else if (**line != 'm' && count == 3 && named_count < MAX_NAMED) {
			named[named_count++] = (struct named){ **line, g_strdup(words[1]), g_strdup(words[2]) };
		} else
			return FALSE;
		g_strfreev(words);
	}
	g_strfreev(lines);
	g_free(table);
	return TRUE;
}

static const struct method *method_of(guint code)
{
	for (int i = 0; i < method_count; i++) {
		if (methods[i].code == code)
			return &methods[i];
	}
	return NULL;
}

static int set_target(GBinderReader *from)
{
	GBinderRemoteObject *object = gbinder_reader_read_object(from);
	if (!object && !read_null_object(from))
		return -EINVAL;
	gbinder_client_unref(target);
	target = gbinder_client_new(object, INTERFACE);
	gbinder_remote_object_unref(object);
	return GBINDER_STATUS_OK;
}

// The status that a reply begins with, and if it is no exception what follows.
static gboolean pass_reply(const struct method *method, GBinderReader *from, GBinderWriter *to)
{
	gint32 exception, number;
	if (!pass_int(from, to, EX_PARCELABLE, 0, &exception))
		return FALSE;
	if (exception == 0)
		return pass_all(method->reply, from, to);
	// A message, and the size of a stack that is not there
	if (!pass_string(from, to, TRUE) || !pass_int(from, to, 0, 0, &number))
		return FALSE;
	if (exception == EX_SERVICE_SPECIFIC)
		return pass("i", from, to);
	return exception != EX_PARCELABLE || pass_int(from, to, 0, 0, &number);
}

static int pass_on(const struct method *method, GBinderReader *from, GBinderWriter *to)
{
	int status = GBINDER_STATUS_OK;
	GBinderReader reader;
	GBinderWriter writer;
	GBinderLocalRequest *request = gbinder_client_new_request(target);
	gbinder_local_request_init_writer(request, &writer);
	if (!pass_all(method->request, from, &writer) || !gbinder_reader_at_end(from)) {
		fprintf(stderr, "gb_wire: cannot read the request of %u\n", method->code);
		status = -EINVAL;
	} else if (method->kind == ONEWAY) {
		status = gbinder_client_transact_sync_oneway(target, method->code, request);
	} else {
		GBinderRemoteReply *reply = gbinder_client_transact_sync_reply(target, method->code, request, &status);
		if (status == GBINDER_STATUS_OK) {
			gbinder_remote_reply_init_reader(reply, &reader);
			if (!pass_reply(method, &reader, to) || !gbinder_reader_at_end(&reader)) {
				fprintf(stderr, "gb_wire: cannot read the reply of %u\n", method->code);
				status = -EINVAL;
			}
		}
		gbinder_remote_reply_unref(reply);
	}
	gbinder_local_request_unref(request);
	return status;
}

static GBinderLocalReply *handle(GBinderLocalObject *object, GBinderRemoteRequest *request, guint code, guint flags, int *status,
	void *unused)
{
	(void)unused;
	GBinderReader reader;
	GBinderWriter writer;
	const struct method *method = method_of(code);
	GBinderLocalReply *reply = gbinder_local_object_new_reply(object);
	gbinder_remote_request_init_reader(request, &reader);
	gbinder_local_reply_init_writer(reply, &writer);
	if (!method) {
		*status = UNKNOWN_TRANSACTION;
	} else if (method->kind == TARGET) {
		*status = set_target(&reader);
		gbinder_writer_append_int32(&writer, 0);
	} else
		*status = target ? pass_on(method, &reader, &writer) : -ENODEV;
	if (*status == GBINDER_STATUS_OK && !(flags & GBINDER_TX_FLAG_ONEWAY))
		return reply;
	gbinder_local_reply_unref(reply);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: gb_wire NAME TABLE\n");
		return 2;
	}
	if (!read_table(argv[2])) {
		fprintf(stderr, "gb_wire: %s is no table\n", argv[2]);
		return 1;
	}
	GBinderServiceManager *manager = gbinder_servicemanager_new(DEVICE);
	if (!manager || !gbinder_servicemanager_wait(manager, -1)) {
		fprintf(stderr, "gb_wire: no service manager on " DEVICE "\n");
		return 1;
	}
	GBinderLocalObject *object = gbinder_servicemanager_new_local_object(manager, INTERFACE, handle, NULL);
	int status = gbinder_servicemanager_add_service_sync(manager, argv[1], object);
	if (status != GBINDER_STATUS_OK) {
		fprintf(stderr, "gb_wire: cannot register %s: status %d\n", argv[1], status);
		return 1;
	}
	printf("ready %s\n", argv[1]);
	fflush(stdout);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
