/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The form to verify a buddy. */
#include "shim.h"

#include <string.h>

#include "form.h"

#define SECONDARY \
	"Fill in one of the three. A fingerprint is what your buddy tells " \
	"you by another way, face to face or by telephone. A question and a " \
	"secret are checked without either of you revealing the answer."

/* The helper splits at the last " = ": the answer must not have one. */
static void
ask(PurpleAccount *account, const char *who, const char *question,
    const char *answer)
{
	char *both;

	if (!*question || strstr(answer, " = ")) {
		message_say(account, who, "Not asked: give a question, and an "
			    "answer without \" = \".", PURPLE_MESSAGE_SYSTEM);
		return;
	}
	both = g_strdup_printf("%s = %s", question, answer);
	otr_do(account, who, "ask", both);
	g_free(both);
}

static void
verify_cb(gpointer data, PurpleRequestFields *fields)
{
	PurpleAccount *account = watched_find(
		g_ascii_strtoull(form_value(fields, "handle"), NULL, 10));
	const char *who = form_value(fields, "buddy");

	(void)data;
	if (!account || !purple_account_is_connected(account))
		return;
	if (*form_value(fields, "fingerprint"))
		otr_do(account, who, "verify",
		       form_value(fields, "fingerprint"));
	else if (*form_value(fields, "answer"))
		ask(account, who, form_value(fields, "question"),
		    form_value(fields, "answer"));
	else if (*form_value(fields, "secret"))
		otr_do(account, who, "secret", form_value(fields, "secret"));
}

void
verify_show(PurpleAccount *account, const char *who)
{
	PurpleRequestFields *fields = purple_request_fields_new();
	char *handle = g_strdup_printf("%" G_GUINT64_FORMAT,
				       watched_get(account)->handle);
	char *primary = g_strdup_printf("Verify %s", who);

	form_text(fields, "By fingerprint", "fingerprint", "Fingerprint",
		  FALSE);
	form_text(fields, "By a question", "question", "Question", FALSE);
	form_text(fields, NULL, "answer", "Answer", TRUE);
	form_text(fields, "By a shared secret", "secret", "Secret", TRUE);
	form_hidden(fields, "handle", handle);
	form_hidden(fields, "buddy", who);
	purple_request_fields(shim_plugin, "Verify buddy", primary, SECONDARY,
			      fields, "OK", G_CALLBACK(verify_cb), "Cancel",
			      NULL, account, who, NULL, NULL);
	g_free(primary);
	g_free(handle);
}
