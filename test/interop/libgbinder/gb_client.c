// SPDX-License-Identifier: Apache-2.0
//
// gb_client NAME CHECK...: calls the service of that name, one line of output for each check: `ok CHECK` or `failed CHECK: WHY`. Exit
// status 1 if any failed. Checks: send-fd receive-fd, which any IEcho passes, send-handle receive-handle, which gb_service does.

#include "gb_echo.h"

static GBinderClient *client;

// Sends a request, which is used up, and begins to read the reply. Returns NULL when the call failed.
static GBinderRemoteReply *call(guint32 code, GBinderLocalRequest *request, GBinderReader *reader)
{
	int status = -1;
	gint32 exception = -1;
	GBinderRemoteReply *reply = gbinder_client_transact_sync_reply(client, code, request, &status);
	gbinder_local_request_unref(request);
	if (status == GBINDER_STATUS_OK && reply) {
		gbinder_remote_reply_init_reader(reply, reader);
		if (gbinder_reader_read_int32(reader, &exception) && exception == 0)
			return reply;
	}
	gbinder_remote_reply_unref(reply);
	return NULL;
}

// What the reply to a request says, which is used up; NULL when the call failed.
static char *call_for_text(guint32 code, GBinderLocalRequest *request)
{
	GBinderReader reader;
	GBinderRemoteReply *reply = call(code, request, &reader);
	char *text = reply ? gbinder_reader_read_string16(&reader) : NULL;
	gbinder_remote_reply_unref(reply);
	return text;
}

static char *send_fd(const char *text)
{
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderWriter writer;
	int fd = pipe_with(text, strlen(text));
	gbinder_local_request_init_writer(request, &writer);
	write_file(&writer, fd);
	char *read = call_for_text(READ_ALL, request);
	close(fd);
	return read;
}

static char *send_handle(const char *text)
{
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderWriter writer;
	struct files files;
	gbinder_local_request_init_writer(request, &writer);
	write_files(&writer, &files, text);
	char *read = call_for_text(READ_EACH, request);
	close_files(&files);
	return read;
}

static char *receive_fd(const char *text)
{
	GBinderReader reader;
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_string16(request, text);
	GBinderRemoteReply *reply = call(OPEN_TEXT, request, &reader);
	GString *read = g_string_new("");
	if (reply)
		read_rest(read, read_file(&reader));
	gbinder_remote_reply_unref(reply);
	return g_string_free(read, FALSE);
}

static char *receive_handle(const char *text)
{
	GBinderReader reader;
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_string16(request, text);
	GBinderRemoteReply *reply = call(OPEN_EACH, request, &reader);
	GString *read = g_string_new("");
	if (reply)
		read_files(&reader, read);
	gbinder_remote_reply_unref(reply);
	return g_string_free(read, FALSE);
}

static const struct {
	const char *name;
	char *(*check)(const char *text); // what came of the text after its way there and back
} checks[] = {
	{ "send-fd", send_fd },
	{ "receive-fd", receive_fd },
	{ "send-handle", send_handle },
	{ "receive-handle", receive_handle },
};

static gboolean run(const char *name)
{
	const char *text = "from hand to hand";
	for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
		if (strcmp(checks[i].name, name) != 0)
			continue;
		char *got = checks[i].check(text);
		gboolean good = g_strcmp0(got, text) == 0;
		if (good)
			printf("ok %s\n", name);
		else
			printf("failed %s: got \"%s\"\n", name, got ? got : "(nothing)");
		g_free(got);
		return good;
	}
	printf("failed %s: there is no such check\n", name);
	return FALSE;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: gb_client NAME CHECK...\n");
		return 2;
	}
	int status = 0;
	GBinderServiceManager *manager = gbinder_servicemanager_new(DEVICE);
	GBinderRemoteObject *remote = manager ? gbinder_servicemanager_get_service_sync(manager, argv[1], &status) : NULL;
	if (!remote) {
		fprintf(stderr, "gb_client: no service %s: status %d\n", argv[1], status);
		return 1;
	}
	client = gbinder_client_new(remote, INTERFACE);
	gboolean good = TRUE;
	for (int i = 2; i < argc; i++)
		good &= run(argv[i]);
	gbinder_client_unref(client);
	gbinder_servicemanager_unref(manager);
	return good ? 0 : 1;
}
