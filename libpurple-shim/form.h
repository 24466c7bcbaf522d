/* SPDX-License-Identifier: GPL-3.0-or-later */
/* form.h - what the forms of the plugin have in common. */
#ifndef PURPLE_ONION_FORM_H
#define PURPLE_ONION_FORM_H

#include <glib.h>

#include <request.h>

/* A line to type in; a title begins a group, NULL goes on with the last. */
void form_text(PurpleRequestFields *fields, const char *title, const char *id,
	       const char *label, gboolean masked);
/* A choice without labels yet, likewise. */
PurpleRequestField *form_choice(PurpleRequestFields *fields,
				const char *title, const char *id,
				const char *label);
/* A field that is not shown; there must be a group already. */
void form_hidden(PurpleRequestFields *fields, const char *id,
		 const char *value);
/* What stands in a field; "" where nothing does. */
const char *form_value(PurpleRequestFields *fields, const char *id);
/* Which label is chosen, from 0; -1: there is no such field. */
int form_chosen(PurpleRequestFields *fields, const char *id);
/* Finch numbers a choice's labels from 1 (gntrequest.c), Pidgin from 0. */
int form_first_label(void);
/* Finch, which shows 15 characters of a choice's labels. */
gboolean form_narrow(void);

#endif
