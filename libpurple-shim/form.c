/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Forms of the request API. Who a form is about stands in fields that are not
 * shown, so that nothing is left over when libpurple closes it by itself.
 */
#include "form.h"

#include <core.h>

#include "shim.h"

static void
append(PurpleRequestFields *fields, const char *title,
       PurpleRequestField *field)
{
	GList *last = g_list_last(purple_request_fields_get_groups(fields));
	PurpleRequestFieldGroup *group = last ? last->data : NULL;

	if (title || !group) {
		group = purple_request_field_group_new(title);
		purple_request_fields_add_group(fields, group);
	}
	purple_request_field_group_add_field(group, field);
}

void
form_text(PurpleRequestFields *fields, const char *title, const char *id,
	  const char *label, gboolean masked)
{
	PurpleRequestField *field = purple_request_field_string_new(
		id, label, NULL, FALSE);

	purple_request_field_string_set_masked(field, masked);
	append(fields, title, field);
}

PurpleRequestField *
form_choice(PurpleRequestFields *fields, const char *title, const char *id,
	    const char *label)
{
	PurpleRequestField *field = purple_request_field_choice_new(
		id, label, form_first_label());

	append(fields, title, field);
	return field;
}

void
form_hidden(PurpleRequestFields *fields, const char *id, const char *value)
{
	GList *first = purple_request_fields_get_groups(fields);
	PurpleRequestField *field = purple_request_field_string_new(
		id, id, value, FALSE);

	purple_request_field_set_visible(field, FALSE);
	purple_request_field_group_add_field(first->data, field);
}

const char *
form_value(PurpleRequestFields *fields, const char *id)
{
	const char *text = purple_request_fields_get_string(fields, id);

	return text ? text : "";
}

int
form_chosen(PurpleRequestFields *fields, const char *id)
{
	PurpleRequestField *field =
		purple_request_fields_get_field(fields, id);

	return field ? purple_request_field_choice_get_value(field) -
			       form_first_label() : -1;
}

int
form_first_label(void)
{
	return form_narrow() ? 1 : 0;
}

gboolean
form_narrow(void)
{
	return purple_strequal(purple_core_get_ui(), "gnt-purple");
}
