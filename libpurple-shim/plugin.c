/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plugin: its description, its signals, load and unload. */
#define PURPLE_PLUGINS	/* or PURPLE_INIT_PLUGIN makes a static plugin */
#include "shim.h"

#include <accountopt.h>
#include <blist.h>
#include <debug.h>
#include <version.h>

#ifndef PONION_VERSION
#define PONION_VERSION dev
#endif
#define STR_(x) #x
#define STR(x) STR_(x)

/* `purple-onion doctor` reads this from the file, without loading it. */
__attribute__((used)) static const char marker[] =
	"purple-onion-abi=2 version=" STR(PONION_VERSION);
G_STATIC_ASSERT(PONION_ABI == 2u);

PurplePlugin *shim_plugin;

static void
account_changed_cb(PurpleAccount *account, void *data)
{
	(void)account;
	(void)data;
	process_update();
}

static void
account_destroying_cb(PurpleAccount *account, void *data)
{
	(void)data;
	watched_forget(account);
}

static void
plugin_load_cb(PurplePlugin *plugin, void *data)
{
	(void)data;
	wrap_protocol(plugin);
	wire_protocol(plugin);
	if (message_encrypts(plugin))
		otr_hand_over();
}

/*
 * Every signal that the plugin listens to, but the protocols' own (wire.c).
 * HIGHEST runs last: nobody changes the proxy, or a message that goes, after
 * us. LOWEST runs first: a received message is decrypted before another
 * plugin changes, stores or answers it, and beside pidgin-otr (priority 0) we
 * still see whether it came readable.
 */
static const struct {
	void *(*handle)(void);
	const char *signal;
	int priority;
	PurpleCallback callback;
} signals[] = {
	{ purple_connections_get_handle, "signing-on",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST, PURPLE_CALLBACK(signing_on_cb) },
	{ purple_connections_get_handle, "signed-on",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(signed_on_cb) },
	{ purple_connections_get_handle, "signed-off",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(signed_off_cb) },
	{ purple_connections_get_handle, "signing-off",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(signing_off_cb) },
	{ purple_conversations_get_handle, "sending-im-msg",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST, PURPLE_CALLBACK(sending_im_msg_cb) },
	{ purple_conversations_get_handle, "sending-chat-msg",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(sending_chat_msg_cb) },
	{ purple_conversations_get_handle, "receiving-im-msg",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(receiving_im_msg_cb) },
	{ purple_conversations_get_handle, "conversation-created",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(conversation_created_cb) },
	{ purple_conversations_get_handle, "conversation-updated",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(conversation_updated_cb) },
	{ purple_conversations_get_handle, "conversation-extended-menu",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT,
	  PURPLE_CALLBACK(conversation_extended_menu_cb) },
	{ purple_blist_get_handle, "blist-node-extended-menu",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT,
	  PURPLE_CALLBACK(blist_node_extended_menu_cb) },
	{ purple_accounts_get_handle, "account-enabled",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(account_changed_cb) },
	{ purple_accounts_get_handle, "account-enabled",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(account_asked_cb) },
	{ purple_accounts_get_handle, "account-disabled",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT, PURPLE_CALLBACK(account_changed_cb) },
	{ purple_accounts_get_handle, "account-added",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(newcomer_added_cb) },
	{ purple_accounts_get_handle, "account-added",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT, PURPLE_CALLBACK(account_changed_cb) },
	{ purple_accounts_get_handle, "account-added",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(account_asked_cb) },
	{ purple_blist_get_handle, "buddy-signed-off",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(buddy_signed_off_cb) },
	{ purple_accounts_get_handle, "account-status-changed",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(account_status_changed_cb) },
	{ purple_savedstatuses_get_handle, "savedstatus-changed",
	  PURPLE_SIGNAL_PRIORITY_LOWEST,
	  PURPLE_CALLBACK(savedstatus_changed_cb) },
	{ purple_accounts_get_handle, "account-removed",
	  PURPLE_SIGNAL_PRIORITY_LOWEST,
	  PURPLE_CALLBACK(newcomer_removed_cb) },
	{ purple_accounts_get_handle, "account-removed",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT, PURPLE_CALLBACK(account_changed_cb) },
	{ purple_accounts_get_handle, "account-destroying",
	  PURPLE_SIGNAL_PRIORITY_DEFAULT,
	  PURPLE_CALLBACK(account_destroying_cb) },
	{ purple_xfers_get_handle, "file-recv-request",
	  PURPLE_SIGNAL_PRIORITY_HIGHEST,
	  PURPLE_CALLBACK(file_recv_request_cb) },
	{ purple_plugins_get_handle, "plugin-load",
	  PURPLE_SIGNAL_PRIORITY_LOWEST, PURPLE_CALLBACK(plugin_load_cb) },
};

static void
connect_signals(PurplePlugin *plugin)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(signals); i++)
		purple_signal_connect_priority(signals[i].handle(),
					       signals[i].signal, plugin,
					       signals[i].callback, NULL,
					       signals[i].priority);
}

static void
disconnect_signals(PurplePlugin *plugin)
{
	gsize i;

	for (i = 0; i < G_N_ELEMENTS(signals); i++)
		purple_signal_disconnect(signals[i].handle(),
					 signals[i].signal, plugin,
					 signals[i].callback);
}

/* What a killed session left in accounts.xml: put the dead proxy back. */
static void
settle_accounts(void)
{
	GList *l;

	for (l = purple_accounts_get_all(); l; l = l->next)
		if (level_marked(l->data)) {
			pins_dead(l->data, watched_get(l->data));
			logs_apply(l->data);
		}
}

/*
 * Connections that were there before us did not go through the gate. They
 * end, and come back through it where their accounts are protected.
 */
static void
drop_earlier_connections(void)
{
	GList *l, *all = g_list_copy(purple_connections_get_all());

	for (l = all; l; l = l->next) {
		PurpleConnection *gc = l->data;

		times_asked(purple_connection_get_account(gc));
		if (level_protected(purple_connection_get_account(gc)))
			signon_refuse(purple_connection_get_account(gc),
				      "not-pinned",
				      "it was connected before purple-onion "
				      "was loaded", TRUE);
		else
			watched_get(purple_connection_get_account(gc))->open =
				TRUE;
	}
	g_list_free(all);
}

static gboolean
plugin_load(PurplePlugin *plugin)
{
	shim_plugin = plugin;
	watched_init();
	process_init();
	wrap_init();
	wire_init();
	names_init();
	links_init();
	times_init();
	probes_init();
	connect_signals(plugin);
	otr_init();
	if (!events_init())
		purple_debug_error(SHIM_ID, "cannot make an eventfd\n");
	else if (helper_load())
		newcomer_init();
	certs_init();
	quit_init();
	settle_accounts();
	drop_earlier_connections();
	process_update();
	probes_update();
	watch_init();
	return TRUE;
}

/* Take the protected accounts offline now; FALSE where one would not go. */
static gboolean
disconnect_protected(void)
{
	gboolean ok = TRUE;
	GList *l, *all = g_list_copy(purple_connections_get_all());

	for (l = all; l; l = l->next) {
		PurpleAccount *account;

		if (!PURPLE_CONNECTION_IS_VALID((PurpleConnection *)l->data))
			continue;
		account = purple_connection_get_account(l->data);
		if (!level_protected(account))
			continue;
		purple_account_disconnect(account);
		if (purple_account_get_connection(account))
			ok = FALSE;
	}
	g_list_free(all);
	return ok;
}

/*
 * Streams first, then the dead proxy, then the hooks, then the helper: at no
 * point may a protected account connect without all of them.
 */
static gboolean
plugin_unload(PurplePlugin *plugin)
{
	if (!disconnect_protected())
		return FALSE;
	settle_accounts();
	if (!certs_ours() || !names_ours() || !links_ours() ||
	    !wrap_uninit()) {
		purple_debug_error(SHIM_ID, "another plugin wrapped a "
				   "protocol, TLS, names or links: not "
				   "unloading\n");
		return FALSE;
	}
	actions_uninit();
	quit_uninit();
	otr_uninit();
	lines_uninit();
	wire_uninit();
	retry_uninit();
	watch_uninit();
	disconnect_signals(plugin);
	certs_uninit();
	names_uninit();
	links_uninit();
	times_uninit();
	process_uninit();
	helper_stop();
	events_uninit();
	watched_uninit();
	return TRUE;
}

static PurplePluginInfo info = {
	.magic = PURPLE_PLUGIN_MAGIC,
	.major_version = PURPLE_MAJOR_VERSION,
	.minor_version = PURPLE_MINOR_VERSION,
	.type = PURPLE_PLUGIN_STANDARD,
	.priority = PURPLE_PRIORITY_HIGHEST,
	.id = (char *)SHIM_ID,
	.name = (char *)"purple-onion",
	.version = (char *)STR(PONION_VERSION),
	.summary = (char *)"Protected accounts reach nothing but Tor.",
	.description = (char *)
		"Each protected account connects through Tor on a circuit of "
		"its own, or not at all.\n\nTools, purple-onion: protect "
		"accounts, see Tor's status, audit the settings.",
	.author = (char *)"The purple-onion developers",
	.homepage = (char *)"",
	.load = plugin_load,
	.unload = plugin_unload,
	.actions = actions_list,
};

static void
init_plugin(PurplePlugin *plugin)
{
	(void)plugin;
}

PURPLE_INIT_PLUGIN(purple_onion, init_plugin, info)
