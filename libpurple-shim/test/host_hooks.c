/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host's commands about what libpurple has once for the process. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static PurpleDnsQueryData *last;

static void
host_cb(GSList *hosts, gpointer data, const char *error)
{
	char *name = data;

	say("dns %s %s", name, error ? "failed" : "found");
	while (hosts) {		/* a length and an address, in turn */
		hosts = g_slist_delete_link(hosts, hosts);
		g_free(hosts->data);
		hosts = g_slist_delete_link(hosts, hosts);
	}
	g_free(name);
}

static void
srv_cb(PurpleSrvResponse *records, int count, gpointer data)
{
	char *name = data;

	say("srv %s %d", name, count);
	g_free(records);
	g_free(name);
}

static void
txt_cb(GList *records, gpointer data)
{
	char *name = data;

	say("txt %u", g_list_length(records));
	g_list_free_full(records,
			 (GDestroyNotify)purple_txt_response_destroy);
	g_free(name);
}

/* dns NAME: in no account's name, as an avatar's is. */
static void
ask_host(char **w)
{
	last = purple_dnsquery_a_account(NULL, w[1], 80, host_cb,
					 g_strdup(w[1]));
	say("dns asked");
}

/* The user interface's own way to look names up, which is there before us. */
static gboolean
ui_resolve(PurpleDnsQueryData *query, PurpleDnsQueryResolvedCallback resolved,
	   PurpleDnsQueryFailedCallback failed)
{
	(void)query;
	(void)resolved;
	(void)failed;
	say("ui-resolve %s", purple_dnsquery_get_host(query));
	return FALSE;
}

static void
ui_destroy(PurpleDnsQueryData *query)
{
	say("ui-destroy %s", purple_dnsquery_get_host(query));
}

static PurpleDnsQueryUiOps ui_ops = { .resolve_host = ui_resolve,
				      .destroy = ui_destroy };

/* As the resolver would answer: one record, for any question. */
static gboolean
ui_srv(PurpleSrvTxtQueryData *query,
       PurpleSrvTxtQueryResolvedCallback resolved,
       PurpleSrvTxtQueryFailedCallback failed)
{
	PurpleSrvResponse *record = g_new0(PurpleSrvResponse, 1);

	(void)failed;
	say("ui-srv %s", purple_srv_txt_query_get_query(query));
	g_strlcpy(record->hostname, "target.elsewhere.test",
		  sizeof(record->hostname));
	record->port = 5222;
	resolved(query, g_list_append(NULL, record));
	return TRUE;
}

static void
ui_srv_destroy(PurpleSrvTxtQueryData *query)
{
	(void)query;
}

static PurpleSrvTxtQueryUiOps ui_srv_ops = { .resolve = ui_srv,
					     .destroy = ui_srv_destroy };

void
hooks_init(void)
{
	if (!g_getenv("HOST_DNS"))
		return;
	purple_dnsquery_set_ui_ops(&ui_ops);
	purple_srv_txt_query_set_ui_ops(&ui_srv_ops);
}

static void
show_ops(void)
{
	say("ops %s", purple_dnsquery_get_ui_ops() == &ui_ops &&
		      purple_srv_txt_query_get_ui_ops() == &ui_srv_ops
		      ? "own" : "others");
}

static void
show_caps(void)
{
	say("caps %u", (unsigned int)purple_media_manager_get_ui_caps(
			       purple_media_manager_get()));
}

/* saved PRIMITIVE [TEXT]: the program's status, for every account. */
static void
activate(char **w)
{
	PurpleSavedStatus *status = purple_savedstatus_new(
		NULL, purple_primitive_get_type_from_id(w[1]));

	if (w[2])
		purple_savedstatus_set_message(status, w[2]);
	purple_savedstatus_activate(status);
}

static const char *
text_of(const char *path)
{
	const char *text = purple_prefs_get_string(path);

	return text && *text ? text : "-";
}

static void
show_probes(void)
{
	say("probes %d %d %s %s",
	    purple_prefs_get_bool("/purple/network/auto_ip"),
	    purple_prefs_get_bool("/purple/network/map_ports"),
	    text_of("/purple/network/stun_server"),
	    text_of("/purple/network/turn_server"));
}

gboolean
hooks_run(char **w)
{
	if (purple_strequal(w[0], "saved"))
		activate(w);
	else if (purple_strequal(w[0], "idle-away"))
		purple_savedstatus_set_idleaway(atoi(w[1]));
	else if (purple_strequal(w[0], "probes"))
		show_probes();
	else if (purple_strequal(w[0], "my-ip"))
		say("my-ip %s", purple_network_get_my_ip(-1));
	else if (purple_strequal(w[0], "caching"))
		say("caching %d", purple_buddy_icons_is_caching());
	else if (purple_strequal(w[0], "dns"))
		ask_host(w);
	else if (purple_strequal(w[0], "dns-cancel"))
		purple_dnsquery_destroy(last);
	else if (purple_strequal(w[0], "srv"))
		purple_srv_resolve_account(NULL, "xmpp-client", "tcp", w[1],
					   srv_cb, g_strdup(w[1]));
	else if (purple_strequal(w[0], "txt"))
		purple_txt_resolve_account(NULL, "_xmppconnect", w[1], txt_cb,
					   g_strdup(w[1]));
	else if (purple_strequal(w[0], "ops"))
		show_ops();
	else if (purple_strequal(w[0], "link"))
		purple_notify_uri(NULL, w[1]);
	else if (purple_strequal(w[0], "caps"))
		show_caps();
	else if (purple_strequal(w[0], "set-caps"))
		purple_media_manager_set_ui_caps(purple_media_manager_get(),
						 (guint)atoi(w[1]));
	else
		return FALSE;
	return TRUE;
}

/* ---- files and calls ---- */

static void
cmd_send_file(PurpleAccount *a, char **w)
{
	serv_send_file(purple_account_get_connection(a), w[2], w[3]);
}

static void
cmd_can_file(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);
	PurplePluginProtocolInfo *info = PURPLE_PLUGIN_PROTOCOL_INFO(gc->prpl);

	say("can-file %d", info->can_receive_file ?
			   info->can_receive_file(gc, w[2]) : -1);
}

/* Past libpurple's question whether the buddy can have it. */
static void
cmd_push_file(PurpleAccount *a, char **w)
{
	PurpleConnection *gc = purple_account_get_connection(a);

	PURPLE_PLUGIN_PROTOCOL_INFO(gc->prpl)->send_file(gc, w[2], w[3]);
}

static void
cmd_call(PurpleAccount *a, char **w)
{
	say("call %d %u", purple_prpl_initiate_media(a, w[2],
						     PURPLE_MEDIA_AUDIO),
	    (unsigned int)purple_prpl_get_media_caps(a, w[2]));
}

static void
no_init(PurpleXfer *xfer)
{
	(void)xfer;
}

/* A new offer, as a protocol makes one when somebody sends a file. */
static void
cmd_offer(PurpleAccount *a, char **w)
{
	PurpleXfer *xfer = purple_xfer_new(a, PURPLE_XFER_RECEIVE, w[2]);

	purple_xfer_set_filename(xfer, "offered.txt");
	purple_xfer_set_init_fnc(xfer, no_init);
	purple_xfer_ref(xfer);
	purple_xfer_request(xfer);
	say("offered %d", (int)purple_xfer_get_status(xfer));
	purple_xfer_unref(xfer);
}

/* ---- about the person ---- */

static void
cmd_idle(PurpleAccount *a, char **w)
{
	purple_presence_set_idle(purple_account_get_presence(a), TRUE,
				 time(NULL) - atoi(w[2]));
}

static void
cmd_active(PurpleAccount *a, char **w)
{
	(void)w;
	say("active %s", purple_status_get_id(
				 purple_account_get_active_status(a)));
}

static void
cmd_icon(PurpleAccount *a, char **w)
{
	purple_buddy_icons_set_account_icon(a, (guchar *)g_strdup(w[2]),
					    strlen(w[2]));
}

static void
cmd_info(PurpleAccount *a, char **w)
{
	serv_set_info(purple_account_get_connection(a), w[2]);
}

static void
cmd_alias(PurpleAccount *a, char **w)
{
	PurpleBuddy *buddy = purple_find_buddy(a, w[2]);

	purple_blist_alias_buddy(buddy, w[3]);
	serv_alias_buddy(buddy);
}

static void
cmd_group(PurpleAccount *a, char **w)
{
	PurpleGroup *group = purple_group_new(w[3]);

	purple_blist_add_group(group, NULL);
	purple_blist_add_buddy(purple_find_buddy(a, w[2]), NULL, group, NULL);
}

const struct host_command hook_commands[] = {
	{ "alias", cmd_alias },		/* ACCOUNT WHO TEXT */
	{ "group", cmd_group },		/* ACCOUNT WHO TEXT */
	{ "idle", cmd_idle },		/* ACCOUNT SECONDS */
	{ "active", cmd_active },
	{ "icon", cmd_icon },		/* ACCOUNT TEXT */
	{ "info", cmd_info },		/* ACCOUNT TEXT */
	{ "send-file", cmd_send_file },	/* ACCOUNT WHO PATH */
	{ "push-file", cmd_push_file },
	{ "can-file", cmd_can_file },	/* ACCOUNT WHO */
	{ "call", cmd_call },		/* ACCOUNT WHO */
	{ "offer", cmd_offer },		/* ACCOUNT WHO */
	{ NULL, NULL },
};
