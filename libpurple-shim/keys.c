/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys and fingerprints: the accounts' own keys, and those that were met of
 * buddies, with what was decided about them. The helper has the files.
 */
#include "shim.h"

#include <string.h>

#include <notify.h>

#include "form.h"

/* Number of the key generation that is waited for, 0: none. */
static guint64 awaited;

enum own_deed { OWN_NOTHING, OWN_GENERATE, OWN_COPY };
enum known_deed {
	KNOWN_NOTHING, KNOWN_SHOW, KNOWN_VERIFY, KNOWN_DOUBT, KNOWN_FORGET,
};

static const char *const own_deeds[] = {
	"Nothing", "Generate a key", "Show the fingerprint",
};
static const char *const known_deeds[] = {
	"Nothing", "Show the fingerprint", "Verify...",
	"Take the verification back", "Forget",
};

/*
 * The list that the form shows, the accounts (protocol:name) in the order of
 * its choice, and its number, which the form knows.
 */
static GKeyFile *listed;
static GPtrArray *accounts;
static guint serial;

static char *
get(const char *group, const char *key)
{
	char *text = g_key_file_get_string(listed, group, key, NULL);

	if (!text)
		text = g_strdup("");
	return text;
}

static void
tell(const char *primary, GKeyFile *answer)
{
	char *text = call_text(answer);

	purple_notify_info(shim_plugin, "purple-onion", primary, text);
	g_free(text);
}

static void
ask_and_tell(GKeyFile *request, const char *done)
{
	GKeyFile *answer = call_helper(request);

	tell(call_ok(answer) ? done : "Not done", answer);
	if (answer)
		g_key_file_free(answer);
	lines_drain();
}

/* The account's own words for itself: protocol:name. */
static PurpleAccount *
account_of(const char *id)
{
	const char *colon = strchr(id, ':');
	PurpleAccount *account;
	char *protocol;

	if (!colon)
		return NULL;
	protocol = g_strndup(id, (gsize)(colon - id));
	account = purple_accounts_find(colon + 1, protocol);
	g_free(protocol);
	return account;
}

/* A form is as wide as its widest label: names are cut in it. Owned. */
static char *
cut(const char *name, glong most)
{
	char *start, *short_name;

	if (!g_utf8_validate(name, -1, NULL) ||
	    g_utf8_strlen(name, -1) <= most)
		return g_strdup(name);
	start = g_utf8_substring(name, 0, most - 3);
	short_name = g_strconcat(start, "...", NULL);
	g_free(start);
	return short_name;
}

/* An account as the person knows it; owned. */
static char *
account_label(const char *id, glong most)
{
	PurpleAccount *account = account_of(id);
	char *name, *label;

	if (!account)
		return cut(id, most);
	name = cut(purple_account_get_username(account), most);
	label = g_strdup_printf("%s (%s)", name,
				purple_account_get_protocol_name(account));
	g_free(name);
	return label;
}

/* In five groups, as people compare it; owned. */
static char *
grouped(const char *fingerprint)
{
	GString *text = g_string_new(NULL);
	gsize i;

	for (i = 0; fingerprint[i]; i++) {
		if (i > 0 && i % 8 == 0)
			g_string_append_c(text, ' ');
		g_string_append_c(text, fingerprint[i]);
	}
	return g_string_free(text, FALSE);
}

/* In a window that it can be copied from. */
static void
show(const char *who, const char *about, const char *fingerprint)
{
	char *text = grouped(fingerprint);

	purple_notify_formatted(shim_plugin, "Fingerprint", who, about, text,
				NULL, NULL);
	g_free(text);
}

static GKeyFile *
about_account(const char *op, const char *id)
{
	GKeyFile *request = call_new(op);
	PurpleAccount *account = account_of(id);

	g_key_file_set_string(request, "request", "account", id);
	if (account) {
		g_key_file_set_uint64(request, "request", "handle",
				      watched_get(account)->handle);
		g_key_file_set_string(request, "request", "protocol",
				      purple_account_get_protocol_id(account));
		g_key_file_set_string(request, "request", "name",
				      purple_account_get_username(account));
	}
	otr_flags(request, message_flags(account, NULL));
	return request;
}

static GKeyFile *
about_known(const char *op, const char *id, const char *buddy,
	    const char *fingerprint)
{
	GKeyFile *request = about_account(op, id);

	g_key_file_set_string(request, "request", "buddy", buddy);
	g_key_file_set_string(request, "request", "fingerprint", fingerprint);
	return request;
}

/* ---- an account's own key ---- */

/* "" where the account has none; owned. */
static char *
fingerprint_of(const char *id)
{
	int i, count = g_key_file_get_integer(listed, "answer", "keys", NULL);

	for (i = 1; i <= count; i++) {
		char group[32], *of;
		gboolean same;

		g_snprintf(group, sizeof(group), "key%d", i);
		of = get(group, "account");
		same = purple_strequal(of, id);
		g_free(of);
		if (same)
			return get(group, "fingerprint");
	}
	return g_strdup("");
}

static void
generate(const char *id)
{
	GKeyFile *answer = call_helper(about_account("otr-generate", id));

	awaited = answer ? g_key_file_get_uint64(answer, "answer", "pending",
						 NULL) : 0;
	if (!awaited)
		tell("No key was made", answer);
	if (answer)
		g_key_file_free(answer);
}

gboolean
keys_result(guint64 number)
{
	GKeyFile *request;

	if (!number || number != awaited)
		return FALSE;
	awaited = 0;
	request = call_new("result");
	g_key_file_set_uint64(request, "request", "number", number);
	ask_and_tell(request, "Key generation ended");
	return TRUE;
}

static void
do_own(const char *id, int deed)
{
	char *fingerprint = fingerprint_of(id);
	char *label = account_label(id, G_MAXLONG);

	if (deed == OWN_GENERATE)
		generate(id);
	else if (deed == OWN_COPY && *fingerprint)
		show(label, "The fingerprint of this account's key",
		     fingerprint);
	else if (deed == OWN_COPY)
		purple_notify_info(shim_plugin, "purple-onion", label,
				   "This account has no key yet.");
	g_free(label);
	g_free(fingerprint);
}

/* ---- a buddy's ---- */

/* In the words of `purple-onion otr fingerprints`; owned. */
static char *
trust_of(const char *group)
{
	char *trust = get(group, "trust");

	if (*trust)
		return trust;
	g_free(trust);
	return g_strdup("unverified");
}

static void
typed_cb(gpointer data, PurpleRequestFields *fields)
{
	GKeyFile *request = about_known("otr-trust",
					form_value(fields, "account"),
					form_value(fields, "buddy"),
					form_value(fields, "fingerprint"));

	(void)data;
	g_key_file_set_string(request, "request", "trust", "verified");
	g_key_file_set_string(request, "request", "typed",
			      form_value(fields, "typed"));
	ask_and_tell(request, "Verified");
}

static void
verify(const char *id, const char *buddy, const char *fingerprint)
{
	PurpleRequestFields *fields = purple_request_fields_new();

	form_text(fields, NULL, "typed", "Fingerprint", FALSE);
	form_hidden(fields, "account", id);
	form_hidden(fields, "buddy", buddy);
	form_hidden(fields, "fingerprint", fingerprint);
	purple_request_fields(shim_plugin, "Verify a fingerprint", buddy,
			      "The fingerprint, as your buddy tells it to you "
			      "by another way:", fields, "OK",
			      G_CALLBACK(typed_cb), "Cancel", NULL, NULL,
			      NULL, NULL, NULL);
}

static void
show_known(const char *group, const char *id, const char *buddy,
	   const char *fingerprint)
{
	char *trust = trust_of(group);
	char *account = account_label(id, G_MAXLONG);
	char *about = g_strdup_printf("%s, for %s", trust, account);

	show(buddy, about, fingerprint);
	g_free(about);
	g_free(account);
	g_free(trust);
}

static void
do_known(const char *group, int deed)
{
	char *id = get(group, "account");
	char *buddy = get(group, "buddy");
	char *fingerprint = get(group, "fingerprint");
	GKeyFile *request;

	if (deed == KNOWN_SHOW) {
		show_known(group, id, buddy, fingerprint);
	} else if (deed == KNOWN_VERIFY) {
		verify(id, buddy, fingerprint);
	} else if (deed == KNOWN_DOUBT) {
		request = about_known("otr-trust", id, buddy, fingerprint);
		g_key_file_set_string(request, "request", "trust", "");
		ask_and_tell(request, "Not verified any more");
	} else if (deed == KNOWN_FORGET) {
		ask_and_tell(about_known("otr-forget", id, buddy,
					 fingerprint), "Forgotten");
	}
	g_free(fingerprint);
	g_free(buddy);
	g_free(id);
}

/* ---- the form ---- */

static void
chosen_cb(gpointer data, PurpleRequestFields *fields)
{
	char group[32];
	int which, deed;

	(void)data;
	if (!listed || g_ascii_strtoull(form_value(fields, "serial"), NULL,
					10) != serial) {
		purple_notify_info(shim_plugin, "purple-onion",
				   "The list changed",
				   "Open it again, please.");
		return;
	}
	deed = form_chosen(fields, "own");
	which = form_chosen(fields, "key");
	if (deed > OWN_NOTHING && which >= 0 && (guint)which < accounts->len)
		do_own(g_ptr_array_index(accounts, (guint)which), deed);
	deed = form_chosen(fields, "known");
	which = form_chosen(fields, "fingerprint");
	g_snprintf(group, sizeof(group), "fp%d", which + 1);
	if (deed > KNOWN_NOTHING && which >= 0)
		do_known(group, deed);
}

static void
add_account(char *id)
{
	guint i;

	for (i = 0; i < accounts->len; i++)
		if (purple_strequal(g_ptr_array_index(accounts, i), id)) {
			g_free(id);
			return;
		}
	g_ptr_array_add(accounts, id);
}

/* The accounts that are protected, then others that have a key. */
static void
collect_accounts(void)
{
	GList *l;
	int i, count = g_key_file_get_integer(listed, "answer", "keys", NULL);

	accounts = g_ptr_array_new_with_free_func(g_free);
	for (l = purple_accounts_get_all(); l; l = l->next)
		if (level_protected(l->data))
			add_account(g_strdup_printf("%s:%s",
				purple_account_get_protocol_id(l->data),
				purple_account_get_username(l->data)));
	for (i = 1; i <= count; i++) {
		char group[32];

		g_snprintf(group, sizeof(group), "key%d", i);
		add_account(get(group, "account"));
	}
}

static void
add_accounts(PurpleRequestField *field)
{
	guint i;

	for (i = 0; i < accounts->len; i++) {
		const char *id = g_ptr_array_index(accounts, i);
		char *fingerprint = fingerprint_of(id);
		char *account = account_label(id, 36);
		char *label;

		if (form_narrow())
			label = g_strdup_printf("%u: %s", i + 1, account);
		else if (*fingerprint)
			label = g_strdup_printf("%s: %.8s...", account,
						fingerprint);
		else
			label = g_strdup_printf("%s: no key", account);
		purple_request_field_choice_add(field, label);
		g_free(label);
		g_free(account);
		g_free(fingerprint);
	}
}

static void
add_known(PurpleRequestField *field, int count)
{
	int i;

	for (i = 1; i <= count; i++) {
		char group[32];
		char *buddy, *name, *fingerprint, *trust, *label;

		g_snprintf(group, sizeof(group), "fp%d", i);
		buddy = get(group, "buddy");
		name = cut(buddy, 30);
		fingerprint = get(group, "fingerprint");
		trust = trust_of(group);
		label = form_narrow() ?
			g_strdup_printf("%d: %.8s", i, fingerprint) :
			g_strdup_printf("%s: %.8s..., %.12s", name,
					fingerprint, trust);
		purple_request_field_choice_add(field, label);
		g_free(label);
		g_free(trust);
		g_free(fingerprint);
		g_free(name);
		g_free(buddy);
	}
}

static void
list_account(GString *html, guint i)
{
	const char *id = g_ptr_array_index(accounts, i);
	char *fingerprint = fingerprint_of(id);
	char *digits = grouped(fingerprint);
	char *name = account_label(id, G_MAXLONG);
	char *text = g_markup_printf_escaped("%u: %s<br>   %s<br>", i + 1,
		name, *digits ? digits : "no key");

	g_string_append(html, text);
	g_free(text);
	g_free(name);
	g_free(digits);
	g_free(fingerprint);
}

static void
list_known(GString *html, int i)
{
	char group[32];
	char *id, *buddy, *fingerprint, *digits, *trust, *account, *text;

	g_snprintf(group, sizeof(group), "fp%d", i);
	id = get(group, "account");
	buddy = get(group, "buddy");
	fingerprint = get(group, "fingerprint");
	digits = grouped(fingerprint);
	trust = trust_of(group);
	account = account_label(id, G_MAXLONG);
	text = g_markup_printf_escaped("%d: %s, for %s<br>   %s, %s<br>", i,
				       buddy, account, digits, trust);
	g_string_append(html, text);
	g_free(text);
	g_free(account);
	g_free(trust);
	g_free(digits);
	g_free(fingerprint);
	g_free(buddy);
	g_free(id);
}

/*
 * Where labels have no room: what the numbers in the form mean. Closed, it
 * gives way to the form.
 */
static void
show_list(int known)
{
	GString *html = g_string_new(NULL);
	guint a;
	int i;

	if (accounts->len > 0)
		g_string_append(html, "Your accounts' keys<br>");
	for (a = 0; a < accounts->len; a++)
		list_account(html, a);
	if (known > 0)
		g_string_append(html, "Your buddies' keys<br>");
	for (i = 1; i <= known; i++)
		list_known(html, i);
	purple_notify_formatted(shim_plugin, "List of keys", "List of keys", NULL,
				html->str, NULL, NULL);
	g_string_free(html, TRUE);
}

static void
add_deeds(PurpleRequestFields *fields, const char *id,
	  const char *const *deeds, gsize count)
{
	PurpleRequestField *field = form_choice(fields, NULL, id, "Do");
	gsize i;

	for (i = 0; i < count; i++)
		purple_request_field_choice_add(field, deeds[i]);
}

static PurpleRequestFields *
form(int known)
{
	PurpleRequestFields *fields = purple_request_fields_new();
	char number[16];

	if (accounts->len > 0) {
		add_accounts(form_choice(fields, "Your accounts' keys", "key",
					 "Account"));
		add_deeds(fields, "own", own_deeds,
			  G_N_ELEMENTS(own_deeds));
	}
	if (known > 0) {
		add_known(form_choice(fields, "Your buddies' keys",
				      "fingerprint", "Fingerprint"), known);
		add_deeds(fields, "known", known_deeds,
			  G_N_ELEMENTS(known_deeds));
	}
	g_snprintf(number, sizeof(number), "%u", ++serial);
	form_hidden(fields, "serial", number);
	return fields;
}

void
keys_show(PurplePluginAction *action)
{
	GKeyFile *answer = call_helper(call_new("otr-list"));
	int known;

	(void)action;
	keys_uninit();
	if (!call_ok(answer)) {
		tell("The keys cannot be listed", answer);
		if (answer)
			g_key_file_free(answer);
		return;
	}
	listed = answer;
	collect_accounts();
	known = g_key_file_get_integer(listed, "answer", "fingerprints", NULL);
	if (accounts->len == 0 && known <= 0) {
		purple_notify_info(shim_plugin, "purple-onion",
				   "There are no keys",
				   "No account is protected, and none has a "
				   "key.");
		return;
	}
	purple_request_fields(shim_plugin, "Keys and fingerprints",
			      "Keys and fingerprints", NULL, form(known),
			      "OK", G_CALLBACK(chosen_cb), "Cancel", NULL,
			      NULL, NULL, NULL, NULL);
	if (form_narrow())
		show_list(known);
}

void
keys_uninit(void)
{
	if (listed)
		g_key_file_free(listed);
	listed = NULL;
	if (accounts)
		g_ptr_array_free(accounts, TRUE);
	accounts = NULL;
}
