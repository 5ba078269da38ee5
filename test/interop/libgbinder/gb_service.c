// SPDX-License-Identifier: Apache-2.0
//
// gb_service NAME: registers an object with the service manager that has the methods of gb_echo.h, prints `ready NAME`, serves until
// killed.

#include "gb_echo.h"

// libgbinder sends a reply after its handler has returned: files in it are closed when the next call comes.
static int sent_file = -1;
static struct files sent_files;

static GBinderLocalReply *handle(GBinderLocalObject *object, GBinderRemoteRequest *request, guint code, guint flags, int *status,
	void *unused)
{
	(void)flags;
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
	gbinder_remote_request_init_reader(request, &reader);
	gbinder_local_reply_append_int32(reply, 0);
	*status = GBINDER_STATUS_OK;
	switch (code) {
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
		gbinder_local_reply_init_writer(reply, &writer);
		write_files(&writer, &sent_files, given);
		g_free(given);
		break;
	default:
		*status = -74; // UNKNOWN_TRANSACTION is -EBADMSG
	}
	g_string_free(text, TRUE);
	if (*status == GBINDER_STATUS_OK)
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
