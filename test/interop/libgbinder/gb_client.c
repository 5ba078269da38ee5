// SPDX-License-Identifier: Apache-2.0
//
// gb_client NAME CHECK...: calls the service of that name, one line of output for each check: `ok CHECK` or `failed CHECK: WHY`. Exit
// status 1 if any failed. Checks, which any IEcho passes: list ping echo kinds large error send-fd receive-fd callback nested identity oneway death
// (which ends the service); and send-handle receive-handle, which gb_service does.

#include "gb_echo.h"
#include "gb_kinds.h"

enum { PING = GBINDER_FOURCC('_', 'P', 'N', 'G') };
enum { LARGE = 900000, PATIENCE_SECONDS = 20, MANY = 50 };

static const char *name;
static GBinderServiceManager *manager;
static GBinderRemoteObject *service;
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

// ---- What is not about files

static gboolean list(void)
{
	gboolean found = FALSE;
	char **names = gbinder_servicemanager_list_sync(manager);
	for (char **listed = names; listed && *listed; listed++)
		found |= strcmp(*listed, name) == 0;
	g_strfreev(names);
	return found;
}

static gboolean ping(void)
{
	int status = -1;
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderRemoteReply *reply = gbinder_client_transact_sync_reply(client, PING, request, &status);
	gbinder_local_request_unref(request);
	gbinder_remote_reply_unref(reply);
	return status == GBINDER_STATUS_OK;
}

static gboolean echo(void)
{
	const char *text = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001f30d";
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_string16(request, text);
	char *back = call_for_text(ECHO, request);
	gboolean good = g_strcmp0(back, text) == 0;
	g_free(back);
	return good;
}

static gboolean turns(const struct kinds *given)
{
	struct kinds wanted = *given, got = { 0 };
	// What is turned is its own
	wanted.text = g_strdup(given->text);
	wanted.maybe = g_strdup(given->maybe);
	for (gint32 i = 0; i < wanted.text_count; i++)
		wanted.texts[i] = g_strdup(given->texts[i]);
	turn_kinds(&wanted);
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderWriter writer;
	GBinderReader reader;
	gbinder_local_request_init_writer(request, &writer);
	write_kinds(&writer, given);
	GBinderRemoteReply *reply = call(TURN, request, &reader);
	gboolean good = reply && read_kinds(&reader, &got) && same_kinds(&got, &wanted);
	gbinder_remote_reply_unref(reply);
	free_kinds(&wanted);
	free_kinds(&got);
	return good;
}

static gboolean kinds(void)
{
	struct kinds given = {
		.yes = 1,
		.tiny = -7,
		.letter = 0xe4,
		.number = G_MAXINT32,
		.large = G_MAXINT64,
		.ratio = 0.75f,
		.exact = 1e300,
		.text = "Gr\u00fc\u00dfe, \u4e16\u754c \U0001f30d",
		.maybe = NULL,
		.bytes = { 0, 1, 127, 128, 255 },
		.byte_count = 5,
		.numbers = { 1, G_MININT32 + 1, 0 },
		.number_count = 3,
		.texts = { "", "b" },
		.text_count = 2,
	};
	if (!turns(&given))
		return FALSE;
	given.maybe = "there";
	return turns(&given);
}

static gboolean large(void)
{
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderWriter writer;
	GBinderReader reader;
	guint8 *bytes = g_malloc(LARGE);
	for (int i = 0; i < LARGE; i++)
		bytes[i] = i % 251;
	gbinder_local_request_init_writer(request, &writer);
	gbinder_writer_append_byte_array(&writer, bytes, LARGE);
	GBinderRemoteReply *reply = call(REVERSE, request, &reader);
	gsize count = 0;
	const guint8 *reversed = reply ? gbinder_reader_read_byte_array(&reader, &count) : NULL;
	gboolean good = reversed && count == LARGE;
	for (int i = 0; good && i < LARGE; i++)
		good = reversed[i] == bytes[LARGE - 1 - i];
	gbinder_remote_reply_unref(reply);
	g_free(bytes);
	return good;
}

static gboolean error(void)
{
	int status = -1;
	gint32 exception = 0, trace = -1, code = 0;
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderReader reader;
	gbinder_local_request_append_int32(request, 1234);
	GBinderRemoteReply *reply = gbinder_client_transact_sync_reply(client, FAIL, request, &status);
	gbinder_local_request_unref(request);
	if (status != GBINDER_STATUS_OK || !reply)
		return FALSE;
	gbinder_remote_reply_init_reader(reply, &reader);
	gboolean good = gbinder_reader_read_int32(&reader, &exception) && exception == EX_SERVICE_SPECIFIC;
	char *why = gbinder_reader_read_string16(&reader);
	good = good && g_strcmp0(why, "as asked") == 0 && gbinder_reader_read_int32(&reader, &trace) && trace == 0 &&
		gbinder_reader_read_int32(&reader, &code) && code == 1234;
	g_free(why);
	gbinder_remote_reply_unref(reply);
	return good;
}

// ---- Objects of our own, which are served while the main loop runs

static int heard;
static gint32 answer;
static gboolean replied, died;

// What the service answers while we wait, or -1.
static gint32 count_down(GBinderLocalObject *mine, gint32 depth)
{
	gint32 counted = -1;
	GBinderReader reader;
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_local_object(request, mine);
	gbinder_local_request_append_int32(request, depth);
	GBinderRemoteReply *reply = call(COUNT_DOWN, request, &reader);
	if (reply && !gbinder_reader_read_int32(&reader, &counted))
		counted = -1;
	gbinder_remote_reply_unref(reply);
	return counted;
}

static GBinderLocalReply *hear(GBinderLocalObject *object, GBinderRemoteRequest *request, guint code, guint flags, int *status,
	void *unused)
{
	(void)flags;
	(void)unused;
	GBinderReader reader;
	gint32 depth = -1;
	gbinder_remote_request_init_reader(request, &reader);
	*status = GBINDER_STATUS_OK;
	if (code == ON_TEXT) {
		char *text = gbinder_reader_read_string16(&reader);
		char *wanted = g_strdup_printf("text %d", heard);
		// In order, or not at all
		if (g_strcmp0(text, wanted) == 0)
			heard++;
		g_free(wanted);
		g_free(text);
		return NULL;
	}
	if (code != ON_COUNT_DOWN || !gbinder_reader_read_int32(&reader, &depth)) {
		*status = -EINVAL;
		return NULL;
	}
	GBinderLocalReply *reply = gbinder_local_object_new_reply(object);
	gbinder_local_reply_append_int32(reply, 0);
	gbinder_local_reply_append_int32(reply, depth > 0 ? count_down(object, depth - 1) + 1 : 0);
	return reply;
}

static GBinderLocalObject *new_callback(void)
{
	return gbinder_servicemanager_new_local_object(manager, CALLBACK_INTERFACE, hear, NULL);
}

static gboolean is_late(void *late)
{
	*(gboolean *)late = TRUE;
	return G_SOURCE_REMOVE;
}

// Runs the main loop until something holds, or it is late.
static gboolean wait_for(gboolean (*holds)(void))
{
	gboolean late = FALSE;
	guint timer = g_timeout_add_seconds(PATIENCE_SECONDS, is_late, &late);
	while (!late && !holds())
		g_main_context_iteration(NULL, TRUE);
	if (!late)
		g_source_remove(timer);
	return holds();
}

static void on_reply(GBinderClient *from, GBinderRemoteReply *reply, int status, void *unused)
{
	(void)from;
	(void)unused;
	GBinderReader reader;
	gint32 exception = -1;
	replied = TRUE;
	answer = -1;
	if (status != GBINDER_STATUS_OK || !reply)
		return;
	gbinder_remote_reply_init_reader(reply, &reader);
	if (gbinder_reader_read_int32(&reader, &exception) && exception == 0)
		gbinder_reader_read_int32(&reader, &answer);
}

static gboolean has_replied(void)
{
	return replied;
}

// Not by a call that waits: this thread serves our object.
static gboolean counts_down(gint32 depth)
{
	GBinderLocalObject *mine = new_callback();
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_local_object(request, mine);
	gbinder_local_request_append_int32(request, depth);
	replied = FALSE;
	gbinder_client_transact(client, COUNT_DOWN, 0, request, on_reply, NULL, NULL);
	gbinder_local_request_unref(request);
	gboolean good = wait_for(has_replied) && answer == depth;
	gbinder_local_object_drop(mine);
	return good;
}

static gboolean callback(void)
{
	return counts_down(1);
}

static gboolean nested(void)
{
	return counts_down(0) && counts_down(1) && counts_down(2) && counts_down(9);
}

// The service's own object comes back as the one that we know.
static gboolean identity(void)
{
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	GBinderReader reader;
	gbinder_local_request_append_remote_object(request, service);
	GBinderRemoteReply *reply = call(SAME, request, &reader);
	GBinderRemoteObject *back = reply ? gbinder_reader_read_object(&reader) : NULL;
	gboolean good = back == service;
	gbinder_remote_object_unref(back);
	gbinder_remote_reply_unref(reply);
	return good;
}

static gboolean heard_all(void)
{
	return heard == MANY;
}

static gboolean oneway(void)
{
	GBinderLocalObject *mine = new_callback();
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_local_request_append_local_object(request, mine);
	gbinder_local_request_append_string16(request, "text");
	gbinder_local_request_append_int32(request, MANY);
	heard = 0;
	gboolean good = gbinder_client_transact_sync_oneway(client, TELL_LATER, request) == GBINDER_STATUS_OK;
	gbinder_local_request_unref(request);
	good = good && wait_for(heard_all);
	gbinder_local_object_drop(mine);
	return good;
}

static void on_death(GBinderRemoteObject *object, void *unused)
{
	(void)object;
	(void)unused;
	died = TRUE;
}

static gboolean has_died(void)
{
	return died;
}

static gboolean death(void)
{
	gulong handler = gbinder_remote_object_add_death_handler(service, on_death, NULL);
	GBinderLocalRequest *request = gbinder_client_new_request(client);
	gbinder_client_transact_sync_oneway(client, QUIT, request);
	gbinder_local_request_unref(request);
	gboolean good = wait_for(has_died) && gbinder_remote_object_is_dead(service) && !ping();
	gbinder_remote_object_remove_handler(service, handler);
	return good;
}

// ---- Files

static gboolean returns_text(char *(*check)(const char *))
{
	const char *text = "from hand to hand";
	char *got = check(text);
	gboolean good = g_strcmp0(got, text) == 0;
	g_free(got);
	return good;
}

static gboolean check_send_fd(void)
{
	return returns_text(send_fd);
}

static gboolean check_receive_fd(void)
{
	return returns_text(receive_fd);
}

static gboolean check_send_handle(void)
{
	return returns_text(send_handle);
}

static gboolean check_receive_handle(void)
{
	return returns_text(receive_handle);
}

static const struct {
	const char *name;
	gboolean (*check)(void);
} checks[] = {
	{ "list", list },
	{ "ping", ping },
	{ "echo", echo },
	{ "kinds", kinds },
	{ "large", large },
	{ "error", error },
	{ "callback", callback },
	{ "nested", nested },
	{ "identity", identity },
	{ "oneway", oneway },
	{ "death", death },
	{ "send-fd", check_send_fd },
	{ "receive-fd", check_receive_fd },
	{ "send-handle", check_send_handle },
	{ "receive-handle", check_receive_handle },
};

static gboolean run(const char *wanted)
{
	for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
		if (strcmp(checks[i].name, wanted) != 0)
			continue;
		gboolean good = checks[i].check();
		printf(good ? "ok %s\n" : "failed %s: got something else\n", wanted);
		return good;
	}
	printf("failed %s: there is no such check\n", wanted);
	return FALSE;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: gb_client NAME CHECK...\n");
		return 2;
	}
	int status = 0;
	name = argv[1];
	manager = gbinder_servicemanager_new(DEVICE);
	service = manager ? gbinder_servicemanager_get_service_sync(manager, name, &status) : NULL;
	if (!service) {
		fprintf(stderr, "gb_client: no service %s: status %d\n", argv[1], status);
		return 1;
	}
	client = gbinder_client_new(service, INTERFACE);
	gboolean good = TRUE;
	for (int i = 2; i < argc; i++)
		good &= run(argv[i]);
	gbinder_client_unref(client);
	gbinder_servicemanager_unref(manager);
	return good ? 0 : 1;
}
