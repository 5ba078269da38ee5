// SPDX-License-Identifier: Apache-2.0
//
// AIDL's types by libgbinder, which has none of its own above numbers, strings, objects and descriptors: each value is read from one parcel
// and written to another. Types are the letters of ../wire-table.ts.

#ifndef UBINDER_GB_TYPES_H
#define UBINDER_GB_TYPES_H

#include <gbinder.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NAMED = 32 };

// BINDER_TYPE_BINDER
enum { NULL_BINDER = 0x73622a85 };

// A parcelable or a union.
struct named {
	char kind;
	char *descriptor;
	char *types;
};

static struct named named[MAX_NAMED];
static int named_count;

static gboolean pass(const char *type, GBinderReader *from, GBinderWriter *to);

// Behind a type: what follows it.
static const char *after(const char *type)
{
	if (*type == '?' || *type == '[')
		return after(type + 1);
	if (*type >= '0' && *type <= '9')
		return after(strchr(type, '*') + 1);
	return *type == '{' ? strchr(type, '}') + 1 : type + 1;
}

static gboolean pass_all(const char *types, GBinderReader *from, GBinderWriter *to)
{
	for (; *types; types = after(types)) {
		if (!pass(types, from, to))
			return FALSE;
	}
	return TRUE;
}

// The number that comes next, which stays there.
static gint32 peek(GBinderReader *from)
{
	GBinderReader copy;
	gint32 value = G_MININT32;
	gbinder_reader_copy(&copy, from);
	gbinder_reader_read_int32(&copy, &value);
	return value;
}

static gboolean pass_int(GBinderReader *from, GBinderWriter *to, gint32 least, gint32 most, gint32 *value)
{
	if (!gbinder_reader_read_int32(from, value) || *value < least || *value > most)
		return FALSE;
	gbinder_writer_append_int32(to, *value);
	return TRUE;
}

static gboolean pass_long(GBinderReader *from, GBinderWriter *to)
{
	gint64 value;
	if (!gbinder_reader_read_int64(from, &value))
		return FALSE;
	gbinder_writer_append_int64(to, value);
	return TRUE;
}

static gboolean pass_float(GBinderReader *from, GBinderWriter *to)
{
	gfloat value;
	if (!gbinder_reader_read_float(from, &value))
		return FALSE;
	gbinder_writer_append_float(to, value);
	return TRUE;
}

static gboolean pass_double(GBinderReader *from, GBinderWriter *to)
{
	gdouble value;
	if (!gbinder_reader_read_double(from, &value))
		return FALSE;
	gbinder_writer_append_double(to, value);
	return TRUE;
}

// In UTF-16, as which a string may be what is no text.
static gboolean pass_string(GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	const gunichar2 *units = NULL;
	gsize length = 0;
	if (!gbinder_reader_read_nullable_string16_utf16(from, &units, &length) || (!units && !nullable))
		return FALSE;
	if (units)
		gbinder_writer_append_string16_utf16(to, units, length);
	else
		gbinder_writer_append_string16(to, NULL);
	return TRUE;
}

static void unref_object(void *object)
{
	gbinder_remote_object_unref(object);
}

// A null binder: its type, and zeros for its flags, pointer, cookie and stability. libgbinder reads none, for it is not among the objects.
static gboolean read_null_object(GBinderReader *from)
{
	gint32 words[7] = { 0 };
	if (peek(from) != NULL_BINDER)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
		if (!gbinder_reader_read_int32(from, &words[i]) || (i > 0 && words[i] != 0))
			return FALSE;
	}
	return TRUE;
}

// An object is the parcel's that is written, until it has been sent.
static gboolean pass_object(GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	GBinderRemoteObject *object = gbinder_reader_read_object(from);
	if (!object && !(nullable && read_null_object(from)))
		return FALSE;
	gbinder_writer_append_remote_object(to, object);
	if (object)
		gbinder_writer_add_cleanup(to, unref_object, object);
	return TRUE;
}

static void close_file(void *fd)
{
	close(GPOINTER_TO_INT(fd));
}

static gboolean pass_descriptor(GBinderReader *from, GBinderWriter *to)
{
	int fd = gbinder_reader_read_dup_fd(from);
	if (fd < 0)
		return FALSE;
	gbinder_writer_append_fd(to, fd);
	gbinder_writer_add_cleanup(to, close_file, GINT_TO_POINTER(fd));
	return TRUE;
}

// That it is there, that it has no channel for errors, and the descriptor.
static gboolean pass_file(GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	gint32 present, channel;
	if (!pass_int(from, to, nullable ? 0 : 1, 1, &present))
		return FALSE;
	return !present || (pass_int(from, to, 0, 0, &channel) && pass_descriptor(from, to));
}

// `length` is how many there must be, or -1.
static gboolean pass_array(const char *element, gint32 length, GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	gint32 count = peek(from);
	if (count < (nullable ? -1 : 0) || (count >= 0 && length >= 0 && count != length))
		return FALSE;
	// libgbinder writes those of no bytes as null
	if (*element == 'b' && count > 0) {
		gsize size = 0;
		const void *bytes = gbinder_reader_read_byte_array(from, &size);
		if (!bytes || size != (gsize)count)
			return FALSE;
		gbinder_writer_append_byte_array(to, bytes, count);
		return TRUE;
	}
	if (!pass_int(from, to, -1, G_MAXINT32, &count))
		return FALSE;
	for (gint32 i = 0; i < count; i++) {
		if (!pass(element, from, to))
			return FALSE;
	}
	return TRUE;
}

// A size that counts itself or not, and what it is of.
struct sized {
	gsize read, written;
	gint32 size, counted;
};

static gboolean begin_sized(struct sized *sized, gint32 counted, GBinderReader *from, GBinderWriter *to)
{
	sized->counted = counted;
	if (!gbinder_reader_read_int32(from, &sized->size) || sized->size < counted)
		return FALSE;
	gbinder_writer_append_int32(to, 0);
	sized->read = gbinder_reader_bytes_read(from);
	sized->written = gbinder_writer_bytes_written(to);
	return TRUE;
}

static gboolean end_sized(const struct sized *sized, GBinderReader *from, GBinderWriter *to)
{
	gsize size = gbinder_writer_bytes_written(to) - sized->written + sized->counted;
	gbinder_writer_overwrite_int32(to, sized->written - sizeof(gint32), size);
	return gbinder_reader_bytes_read(from) - sized->read + sized->counted == (gsize)sized->size;
}

static gboolean pass_named(const struct named *one, GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	struct sized sized;
	gint32 present, tag;
	if (!pass_int(from, to, nullable ? 0 : 1, 1, &present))
		return FALSE;
	if (!present)
		return TRUE;
	if (one->kind == 'p') {
		return begin_sized(&sized, sizeof(gint32), from, to) && pass_all(one->types, from, to) && end_sized(&sized, from, to);
	}
	if (!pass_int(from, to, 0, G_MAXINT32, &tag))
		return FALSE;
	const char *member = one->types;
	for (; tag > 0 && *member; tag--)
		member = after(member);
	return *member && pass(member, from, to);
}

// That it is there, its stability, its size, and by name what it holds.
static gboolean pass_holder(GBinderReader *from, GBinderWriter *to)
{
	struct sized sized;
	gint32 present, stability;
	if (!pass_int(from, to, 1, 1, &present) || !pass_int(from, to, 0, 1, &stability) || !begin_sized(&sized, 0, from, to))
		return FALSE;
	if (sized.size == 0)
		return TRUE;
	GBinderReader name;
	gbinder_reader_copy(&name, from);
	char *descriptor = gbinder_reader_read_string16(&name);
	const struct named *held = NULL;
	for (int i = 0; descriptor && i < named_count; i++) {
		if (strcmp(named[i].descriptor, descriptor) == 0)
			held = &named[i];
	}
	g_free(descriptor);
	return held && pass_string(from, to, FALSE) && pass_named(held, from, to, FALSE) && end_sized(&sized, from, to);
}

// Types of the values of Maps, as Java numbers them.
enum {
	VAL_NULL = -1,
	VAL_STRING = 0,
	VAL_INTEGER = 1,
	VAL_MAP = 2,
	VAL_LONG = 6,
	VAL_DOUBLE = 8,
	VAL_BOOLEAN = 9,
	VAL_LIST = 11,
	VAL_BYTE_ARRAY = 13,
	VAL_IBINDER = 15,
	VAL_INT_ARRAY = 18,
	VAL_LONG_ARRAY = 19,
	VAL_DOUBLE_ARRAY = 28,
};

static gboolean pass_value(GBinderReader *from, GBinderWriter *to);

static gboolean pass_map(GBinderReader *from, GBinderWriter *to, gboolean nullable)
{
	gint32 count, type;
	if (!pass_int(from, to, nullable ? -1 : 0, G_MAXINT32, &count))
		return FALSE;
	for (gint32 i = 0; i < count; i++) {
		if (!pass_int(from, to, VAL_STRING, VAL_STRING, &type) || !pass_string(from, to, FALSE) || !pass_value(from, to))
			return FALSE;
	}
	return TRUE;
}

static gboolean pass_values(GBinderReader *from, GBinderWriter *to)
{
	gint32 count;
	if (!pass_int(from, to, 0, G_MAXINT32, &count))
		return FALSE;
	for (gint32 i = 0; i < count; i++) {
		if (!pass_value(from, to))
			return FALSE;
	}
	return TRUE;
}

static gboolean pass_value(GBinderReader *from, GBinderWriter *to)
{
	struct sized sized;
	gint32 type;
	if (!pass_int(from, to, G_MININT32, G_MAXINT32, &type))
		return FALSE;
	switch (type) {
	case VAL_NULL:
		return TRUE;
	case VAL_STRING:
		return pass("s", from, to);
	case VAL_INTEGER:
		return pass("i", from, to);
	case VAL_LONG:
		return pass("l", from, to);
	case VAL_DOUBLE:
		return pass("d", from, to);
	case VAL_BOOLEAN:
		return pass("z", from, to);
	case VAL_BYTE_ARRAY:
		return pass("[b", from, to);
	case VAL_INT_ARRAY:
		return pass("[i", from, to);
	case VAL_LONG_ARRAY:
		return pass("[l", from, to);
	case VAL_DOUBLE_ARRAY:
		return pass("[d", from, to);
	case VAL_IBINDER:
		return pass("o", from, to);
	case VAL_MAP:
		return begin_sized(&sized, 0, from, to) && pass_map(from, to, FALSE) && end_sized(&sized, from, to);
	case VAL_LIST:
		return begin_sized(&sized, 0, from, to) && pass_values(from, to) && end_sized(&sized, from, to);
	default:
		return FALSE;
	}
}

// Whether there was a value of the type, and nothing else, so far.
static gboolean pass(const char *type, GBinderReader *from, GBinderWriter *to)
{
	gint32 value;
	gboolean nullable = *type == '?';
	if (nullable)
		type++;
	switch (*type) {
	case 'z':
		return pass_int(from, to, 0, 1, &value);
	case 'b':
		return pass_int(from, to, G_MININT8, G_MAXINT8, &value);
	case 'c':
		return pass_int(from, to, 0, G_MAXUINT16, &value);
	case 'i':
	case 'n':
		return pass_int(from, to, G_MININT32, G_MAXINT32, &value);
	case 'l':
		return pass_long(from, to);
	case 'f':
		return pass_float(from, to);
	case 'd':
		return pass_double(from, to);
	case 's':
		return pass_string(from, to, nullable);
	case 'o':
		return pass_object(from, to, nullable);
	case 'h':
		return pass_descriptor(from, to);
	case 'p':
		return pass_file(from, to, nullable);
	case 'H':
		return pass_holder(from, to);
	case 'M':
		return pass_map(from, to, nullable);
	case '[':
		return pass_array(type + 1, -1, from, to, nullable);
	case '{':
		return pass_named(&named[atoi(type + 1)], from, to, nullable);
	default:
		return pass_array(strchr(type, '*') + 1, atoi(type), from, to, nullable);
	}
}

#endif
