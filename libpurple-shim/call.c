/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rare questions to the helper, as key files. */
#include "shim.h"

GKeyFile *
call_new(const char *op)
{
	GKeyFile *request = g_key_file_new();

	g_key_file_set_string(request, "request", "op", op);
	return request;
}

GKeyFile *
call_helper(GKeyFile *request)
{
	const struct ponion_api *api = helper_api();
	GKeyFile *answer = NULL;
	char *text, *reply;

	text = g_key_file_to_data(request, NULL, NULL);
	g_key_file_free(request);
	reply = api ? api->call(text) : NULL;
	g_free(text);
	if (!reply)
		return NULL;
	answer = g_key_file_new();
	if (!g_key_file_load_from_data(answer, reply, -1, G_KEY_FILE_NONE,
				       NULL)) {
		g_key_file_free(answer);
		answer = NULL;
	}
	api->free_text(reply);
	return answer;
}

gboolean
call_ok(GKeyFile *answer)
{
	return answer &&
	       g_key_file_get_boolean(answer, "answer", "ok", NULL);
}

char *
call_text(GKeyFile *answer)
{
	char *text = answer ? g_key_file_get_string(answer, "answer", "text",
						    NULL) : NULL;

	return text ? text : g_strdup_printf(
		"purple-onion's helper does not work: %s", helper_fault());
}
