// SPDX-License-Identifier: Apache-2.0
//
// gb_service NAME: registers an object with the service manager that has the methods of gb_echo.h, prints `ready NAME`, serves until
// killed.

#include "gb_echo.h"
#include "gb_kinds.h"

// libgbinder sends a reply after its handler has returned: files in it are closed when the next call comes.
static int sent_file = -1;
static struct files sent_files;

// What a callback answers, or -1. In the meantime nothing else is served: libgbinder has one thread for its objects.
static gint32 call_back(GBinderRemoteObject *callback, gint32 depth)
{
	int status = -1;
	gint32 exception = -1, value = -1;
	GBinderClient *client = gbinder_client_new(callback, CALLBACK_INTERFACE);
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_int32(request, depth);
	GBinderRemoteReply *reply = gbinder_client_transact_sync_reply(client, ON_COUNT_DOWN, request, &status);
	GBinderReader reader;
	if (status == GBINDER_STATUS_OK && reply) {
		gbinder_remote_reply_init_reader(reply, &reader);
		if (!gbinder_reader_read_int32(&reader, &exception) || exception != 0 || !gbinder_reader_read_int32(&reader, &value))
			value = -1;
	}
	gbinder_remote_reply_unref(reply);
	gbinder_local_request_unref(request);
	gbinder_client_unref(client);
	return value;
}

static void tell_later(GBinderRemoteObject *callback, const char *text, gint32 count)
{
	GBinderClient *client = gbinder_client_new(callback, CALLBACK_INTERFACE);
	for (gint32 number = 0; number < count; number++) {
		GBinderLocalRequest *request = gbinder_client_new_request(client);
		char *numbered = g_strdup_printf("%s %d", text, number);
		gbinder_local_request_append_string16(request, numbered);
		gbinder_client_transact_sync_oneway(client, ON_TEXT, request);
		g_free(numbered);
		gbinder_local_request_unref(request);
	}
	gbinder_client_unref(client);
}

static void append_reversed(GBinderWriter *writer, const guint8 *bytes, gsize count)
{
	guint8 *reversed = g_malloc(count);
	for (gsize i = 0; i < count; i++)
		reversed[i] = bytes[count - 1 - i];
	gbinder_writer_append_byte_array(writer, reversed, count);
	g_free(reversed);
}

static GBinderLocalReply *handle(GBinderLocalObject *object, GBinderRemoteRequest *request, guint code, guint flags, int *status,
	void *unused)
{
	(void)unused;
	if (sent_file >= 0)
		close(sent_file);
	sent_file = -1;
	close_files(&sent_files);
	sent_files.counts.num_fds = 0;
	GBinderReader reader;
	GBinderWriter writer;
	GBinderLocalReply *reply = gbinder_local_object_new_reply(object);
	GString *text = g_string_new("");
	char *given;
	gint32 number = 0;
	gsize count;
	const guint8 *bytes;
	struct kinds kinds;
	GBinderRemoteObject *object_given = NULL;
	gbinder_remote_request_init_reader(request, &reader);
	if (code != FAIL)
		gbinder_local_reply_append_int32(reply, 0);
	gbinder_local_reply_init_writer(reply, &writer);
	*status = GBINDER_STATUS_OK;
	switch (code) {
	case ECHO:
		given = gbinder_reader_read_string16(&reader);
		gbinder_writer_append_string16(&writer, given);
		g_free(given);
		break;
	case REVERSE:
		bytes = gbinder_reader_read_byte_array(&reader, &count);
		append_reversed(&writer, bytes, count);
		break;
	case CALLER_PID:
		gbinder_writer_append_int32(&writer, gbinder_remote_request_sender_pid(request));
		break;
	case FAIL:
		gbinder_reader_read_int32(&reader, &number);
		gbinder_writer_append_int32(&writer, EX_SERVICE_SPECIFIC);
		gbinder_writer_append_string16(&writer, "as asked");
		gbinder_writer_append_int32(&writer, 0);
		gbinder_writer_append_int32(&writer, number);
		break;
	case SAME:
		object_given = gbinder_reader_read_object(&reader);
		gbinder_writer_append_remote_object(&writer, object_given);
		break;
	case COUNT_DOWN:
		object_given = gbinder_reader_read_object(&reader);
		gbinder_reader_read_int32(&reader, &number);
		gbinder_writer_append_int32(&writer, number > 0 ? call_back(object_given, number - 1) + 1 : 0);
		break;
	case TELL_LATER:
		object_given = gbinder_reader_read_object(&reader);
		given = gbinder_reader_read_string16(&reader);
		gbinder_reader_read_int32(&reader, &number);
		tell_later(object_given, given, number);
		g_free(given);
		break;
	case QUIT:
		exit(0);
	case TURN:
		if (read_kinds(&reader, &kinds)) {
			turn_kinds(&kinds);
			write_kinds(&writer, &kinds);
		} else
			*status = -EINVAL;
		free_kinds(&kinds);
		break;
	case READ_ALL:
		read_rest(text, read_file(&reader));
		gbinder_local_reply_append_string16(reply, text->str);
		break;
	case OPEN_TEXT:
		given = gbinder_reader_read_string16(&reader);
		sent_file = pipe_with(given, strlen(given));
		g_free(given);
		gbinder_local_reply_append_int32(reply, 1);
		gbinder_local_reply_append_int32(reply, 0);
		gbinder_local_reply_append_fd(reply, sent_file);
		break;
	case READ_EACH:
		read_files(&reader, text);
		gbinder_local_reply_append_string16(reply, text->str);
		break;
	case OPEN_EACH:
		given = gbinder_reader_read_string16(&reader);
		write_files(&writer, &sent_files, given);
		g_free(given);
		break;
	default:
		*status = -74; // UNKNOWN_TRANSACTION is -EBADMSG
	}
	g_string_free(text, TRUE);
	gbinder_remote_object_unref(object_given);
	if (*status == GBINDER_STATUS_OK && !(flags & GBINDER_TX_FLAG_ONEWAY))
		return reply;
	gbinder_local_reply_unref(reply);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: gb_service NAME\n");
		return 2;
	}
	GBinderServiceManager *manager = gbinder_servicemanager_new(DEVICE);
	if (!manager || !gbinder_servicemanager_wait(manager, -1)) {
		fprintf(stderr, "gb_service: no service manager on " DEVICE "\n");
		return 1;
	}
	GBinderLocalObject *object = gbinder_servicemanager_new_local_object(manager, INTERFACE, handle, NULL);
	int status = gbinder_servicemanager_add_service_sync(manager, argv[1], object);
	if (status != GBINDER_STATUS_OK) {
		fprintf(stderr, "gb_service: cannot register %s: status %d\n", argv[1], status);
		return 1;
	}
	printf("ready %s\n", argv[1]);
	fflush(stdout);
	g_main_loop_run(g_main_loop_new(NULL, FALSE));
	return 0;
}
