// SPDX-License-Identifier: Apache-2.0
//
// The parcelable ubinder.interop.Kinds (see ../rust/aidl), as AIDL puts it into parcels:
//
//   present (4) | size with itself (4) | yes, tiny, letter, number (4 each) | large (8) | ratio (4) | exact (8) | text | maybe |
//   bytes | numbers: count (4), each (4) | texts: count (4), each

#ifndef UBINDER_GB_KINDS_H
#define UBINDER_GB_KINDS_H

#include <gbinder.h>

#include <string.h>

enum { MAX_ELEMENTS = 16 };

// All in it is its own.
struct kinds {
	gint32 yes, tiny, letter, number;
	gint64 large;
	float ratio;
	double exact;
	char *text;
	char *maybe; // NULL for null
	guint8 bytes[MAX_ELEMENTS];
	gsize byte_count;
	gint32 numbers[MAX_ELEMENTS];
	gint32 number_count;
	char *texts[MAX_ELEMENTS];
	gint32 text_count;
};

static inline void write_kinds(GBinderWriter *writer, const struct kinds *kinds)
{
	gbinder_writer_append_int32(writer, 1);
	gsize start = gbinder_writer_bytes_written(writer);
	gbinder_writer_append_int32(writer, 0);
	const gint32 small[] = { kinds->yes, kinds->tiny, kinds->letter, kinds->number };
	for (gsize i = 0; i < G_N_ELEMENTS(small); i++)
		gbinder_writer_append_int32(writer, small[i]);
	gbinder_writer_append_int64(writer, kinds->large);
	gbinder_writer_append_float(writer, kinds->ratio);
	gbinder_writer_append_double(writer, kinds->exact);
	gbinder_writer_append_string16(writer, kinds->text);
	gbinder_writer_append_string16(writer, kinds->maybe);
	gbinder_writer_append_byte_array(writer, kinds->bytes, kinds->byte_count);
	gbinder_writer_append_int32(writer, kinds->number_count);
	for (gint32 i = 0; i < kinds->number_count; i++)
		gbinder_writer_append_int32(writer, kinds->numbers[i]);
	gbinder_writer_append_int32(writer, kinds->text_count);
	for (gint32 i = 0; i < kinds->text_count; i++)
		gbinder_writer_append_string16(writer, kinds->texts[i]);
	gbinder_writer_overwrite_int32(writer, start, gbinder_writer_bytes_written(writer) - start);
}

static inline gboolean read_count(GBinderReader *reader, gint32 *count)
{
	return gbinder_reader_read_int32(reader, count) && *count >= 0 && *count <= MAX_ELEMENTS;
}

// Whether there was one.
static inline gboolean read_kinds(GBinderReader *reader, struct kinds *kinds)
{
	gint32 present, size;
	memset(kinds, 0, sizeof(*kinds));
	gsize start;
	if (!gbinder_reader_read_int32(reader, &present) || present != 1)
		return FALSE;
	start = gbinder_reader_bytes_read(reader);
	if (!gbinder_reader_read_int32(reader, &size) || !gbinder_reader_read_int32(reader, &kinds->yes) ||
		!gbinder_reader_read_int32(reader, &kinds->tiny) || !gbinder_reader_read_int32(reader, &kinds->letter) ||
		!gbinder_reader_read_int32(reader, &kinds->number) || !gbinder_reader_read_int64(reader, &kinds->large) ||
		!gbinder_reader_read_float(reader, &kinds->ratio) || !gbinder_reader_read_double(reader, &kinds->exact))
		return FALSE;
	kinds->text = gbinder_reader_read_string16(reader);
	if (!kinds->text || !gbinder_reader_read_nullable_string16(reader, &kinds->maybe))
		return FALSE;
	const guint8 *bytes = gbinder_reader_read_byte_array(reader, &kinds->byte_count);
	if (!bytes || kinds->byte_count > MAX_ELEMENTS)
		return FALSE;
	memcpy(kinds->bytes, bytes, kinds->byte_count);
	if (!read_count(reader, &kinds->number_count))
		return FALSE;
	for (gint32 i = 0; i < kinds->number_count; i++) {
		if (!gbinder_reader_read_int32(reader, &kinds->numbers[i]))
			return FALSE;
	}
	if (!read_count(reader, &kinds->text_count))
		return FALSE;
	for (gint32 i = 0; i < kinds->text_count; i++) {
		kinds->texts[i] = gbinder_reader_read_string16(reader);
		if (!kinds->texts[i])
			return FALSE;
	}
	return gbinder_reader_bytes_read(reader) - start == (gsize)size;
}

static inline void free_kinds(struct kinds *kinds)
{
	g_free(kinds->text);
	g_free(kinds->maybe);
	for (gint32 i = 0; i < kinds->text_count; i++)
		g_free(kinds->texts[i]);
}

// What IEcho.turn makes of it.
static inline void turn_kinds(struct kinds *kinds)
{
	const struct kinds given = *kinds;
	kinds->yes = !given.yes;
	kinds->tiny = -given.tiny;
	kinds->letter = given.letter + 1;
	kinds->number = -given.number;
	kinds->large = -given.large;
	kinds->ratio = given.ratio * 2;
	kinds->exact = given.exact / 2;
	kinds->text = g_strconcat(given.text, "!", NULL);
	kinds->maybe = given.maybe ? NULL : g_strdup("was null");
	g_free(given.text);
	g_free(given.maybe);
	for (gsize i = 0; i < given.byte_count; i++)
		kinds->bytes[i] = given.bytes[given.byte_count - 1 - i];
	for (gint32 i = 0; i < given.number_count; i++)
		kinds->numbers[i] = given.numbers[given.number_count - 1 - i];
	for (gint32 i = 0; i < given.text_count; i++)
		kinds->texts[i] = given.texts[given.text_count - 1 - i];
}

static inline gboolean same_kinds(const struct kinds *a, const struct kinds *b)
{
	gboolean same = a->yes == b->yes && a->tiny == b->tiny && a->letter == b->letter && a->number == b->number &&
		a->large == b->large && a->ratio == b->ratio && a->exact == b->exact && g_strcmp0(a->text, b->text) == 0 &&
		g_strcmp0(a->maybe, b->maybe) == 0 && a->byte_count == b->byte_count &&
		memcmp(a->bytes, b->bytes, a->byte_count) == 0 && a->number_count == b->number_count &&
		memcmp(a->numbers, b->numbers, sizeof(*a->numbers) * a->number_count) == 0 && a->text_count == b->text_count;
	for (gint32 i = 0; same && i < a->text_count; i++)
		same = strcmp(a->texts[i], b->texts[i]) == 0;
	return same;
}

#endif
