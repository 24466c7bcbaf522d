/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shim.h - what the files of the plugin know of each other.
 *
 * The shim says what happened and does what it is told. What it decides by
 * itself it decides to block: where the helper is missing, broken or silent.
 */
#ifndef PURPLE_ONION_SHIM_H
#define PURPLE_ONION_SHIM_H

#include <glib.h>

#include <account.h>
#include <connection.h>
#include <conversation.h>
#include <ft.h>
#include <plugin.h>
#include <savedstatuses.h>
#include <xmlnode.h>

#include "ponion.h"

#define SHIM_ID "core-purple-onion"
#define SHIM_LEVEL "purple-onion/protection"
#define SHIM_POLICY "/etc/purple-onion/policy.toml"
#define SHIM_DEAD_HOST "127.0.0.1"
#define SHIM_DEAD_PORT 1

/* What the shim knows of one account; g_free'd with the account. */
struct watched {
	guint64 handle;		/* our number for it, never used again */
	guint64 sign_on;	/* the helper's number, 0: none */
	guint32 level;		/* enum ponion_level, as last answered */
	gboolean may;		/* TRUE: the next call of the prpl may run */
	gboolean held;		/* TRUE: the prpl never saw this connection */
	gboolean online;
	gboolean registering;	/* this sign-on makes the account */
	gboolean registers;	/* the last attempt was to make it */
	gboolean added;		/* since the plugin was loaded */
	gboolean told;		/* this connection was given an error by us */
	gboolean open;		/* this connection is known to be unprotected */
	gboolean waits_for_tor;	/* refused, and signs on when Tor is ready */
	guint gate_port;	/* in the account's proxy now, 0: none */
	GKeyFile *pins;		/* [set] that holds for this session, or NULL */
	char *name;		/* as it was at sign-on; owned */
	char *irc_asked;	/* IRC: the line last given to us; owned */
	char *irc_sent;		/* ... and what went instead; owned, or NULL */
	GString *irc_farewell;	/* IRC: lines that go with QUIT, or NULL */
	gboolean asked;		/* a person wanted it online, since the start */
	char *status;		/* secret: what was set for it alone, or NULL */
	guint status_timer;	/* its status goes to the server then */
	gboolean sealed;	/* what comes now came encrypted by OMEMO */
	gboolean decrypted;	/* ... and lurch has decrypted it */
	gboolean ended;		/* the peers were told of this session's end */
	GHashTable *refusals;	/* what the person was told is refused; or NULL */
	gint64 questioned;	/* the second of the last question */
	guint questions;	/* ... and how many it had */
};

extern PurplePlugin *shim_plugin;

/* watched.c */
void watched_init(void);
void watched_uninit(void);
/* The account's entry, made when there is none. */
struct watched *watched_get(PurpleAccount *account);
PurpleAccount *watched_find(guint64 handle);
void watched_forget(PurpleAccount *account);
void watched_end_session(struct watched *w);

/* helper.c */
gboolean helper_load(void);
void helper_stop(void);
/* NULL where the helper is missing or does not fit. */
const struct ponion_api *helper_api(void);
/* Why there is no helper, for a person; never NULL. */
const char *helper_fault(void);

/* level.c */
/* Ask for the account's level; fail closed without a helper. */
int level_ask(PurpleAccount *account, guint32 op, gboolean pinned,
	      struct ponion_answer *answer);
/* TRUE unless the account is known not to be protected. */
gboolean level_protected(PurpleAccount *account);
/*
 * TRUE where the account itself says that it is ours: by its setting, or by
 * the dead proxy. Only then may its proxy be written to.
 */
gboolean level_marked(PurpleAccount *account);
/* The domain of the JID, or the IRC server; owned by the caller. */
char *level_domain(PurpleAccount *account);
/* The accounts that are enabled, or connected; the list is the caller's. */
GList *level_active(void);
/* Here and below, enabled means one of these. */
/* TRUE where every enabled account is protected, and there is one. */
gboolean level_all_protected(void);
/* TRUE where an enabled account is protected, or nobody can tell. */
gboolean level_any_protected(void);
/* TRUE where an enabled account is secret, or nobody can tell. */
gboolean level_any_secret(void);

/* pins.c */
/* Set the account's settings as its level wants them; FALSE: could not. */
gboolean pins_apply(PurpleAccount *account, struct watched *w);
/* NULL where all is as pinned, else which setting is not; static text. */
const char *pins_changed(PurpleAccount *account, const struct watched *w);
void pins_gate(PurpleAccount *account, struct watched *w,
	       const struct ponion_answer *answer);
void pins_dead(PurpleAccount *account, struct watched *w);
/* The account as a key file's groups, for helper calls. */
void pins_snapshot(PurpleAccount *account, GKeyFile *request);
/* Carry out [proxy], [set] and [unset] of an answer. */
void pins_carry_out(PurpleAccount *account, GKeyFile *answer);

/* call.c */
GKeyFile *call_new(const char *op);
/* Ask, free the request, and give the answer; NULL: no helper, or broken. */
GKeyFile *call_helper(GKeyFile *request);
gboolean call_ok(GKeyFile *answer);
/* The answer's text, or a text for NULL; owned by the caller. */
char *call_text(GKeyFile *answer);

/* message.c: what a person types, and what a buddy sent */
/*
 * Ask about one message. Allows what an unprotected connection does, and
 * blocks where the helper is missing or of two minds. reply is to be given to
 * message_done. who may be NULL: the text says to whom.
 */
int message_ask(PurpleAccount *account, guint32 way, const char *who,
		const char *text, struct ponion_reply *reply);
/* What is known about the buddy and the plugins here, for the helper. */
guint32 message_flags(PurpleAccount *account, const char *who);
/* Whether a plugin is one that encrypts messages itself. */
gboolean message_encrypts(PurplePlugin *plugin);
void message_done(struct ponion_reply *reply);
/* Put text into the place of *message, which is freed. */
void message_replace(char **message, const char *text);
/* A line of ours in the chat or IM with who; an IM is made where it lacks. */
void message_say(PurpleAccount *account, const char *who, const char *text,
		 PurpleMessageFlags kind);
/* The same in a chat. */
void message_say_chat(PurpleConnection *gc, int id, const char *text);
/*
 * Tell of what is refused and belongs in no conversation, the same once for
 * each session: in the conversation that the person looks at, or else in a
 * window.
 */
void message_refused(PurpleAccount *account, const char *told);
/* ... or in a chat, where there is one of that name; room may be NULL. */
void message_kept_back(PurpleAccount *account, const char *room,
		       const char *told);
void sending_im_msg_cb(PurpleAccount *account, const char *who,
		       char **message, void *data);
void sending_chat_msg_cb(PurpleAccount *account, char **message, int id,
			 void *data);
gboolean receiving_im_msg_cb(PurpleAccount *account, char **sender,
			     char **message, PurpleConversation *conv,
			     PurpleMessageFlags *flags, void *data);

/* wire.c: the last guards before a message leaves */
void wire_init(void);
void wire_uninit(void);
/* Listen to the signals of a protocol that was just loaded. */
void wire_protocol(PurplePlugin *plugin);
/* The text that may go, owned; NULL: none, and the person was told. */
char *wire_allowed(PurpleConnection *gc, guint32 way, const char *who,
		   const char *text);
char *wire_allowed_chat(PurpleConnection *gc, int id, const char *text);
char *wire_allowed_raw(PurpleConnection *gc, const char *text, int len);
/* XMPP: by the protocol's own way, and so through the guard of stanzas. */
void wire_send_stanza(PurpleConnection *gc, const char *text);

/* arrive.c: what came, before the protocol has it */
void jabber_receiving_first_cb(PurpleConnection *gc, xmlnode **packet,
			       void *data);
void jabber_receiving_xmlnode_cb(PurpleConnection *gc, xmlnode **packet,
				 void *data);
gboolean jabber_receiving_iq_cb(PurpleConnection *gc, const char *type,
				const char *id, const char *from,
				xmlnode *iq, void *data);
void irc_receiving_text_cb(PurpleConnection *gc, char **text, void *data);

/* irc.c: the guard of IRC's queue */
void irc_sending_text_cb(PurpleConnection *gc, char **text, void *data);
/* A message that is to go with QUIT: the queue dies with the connection. */
void irc_farewell(PurpleConnection *gc, const char *who, const char *text);

/* lines.c: what the helper wants sent, said or shown */
void lines_drain(void);
/* TRUE while a text that the helper gave is being shown. */
gboolean lines_showing(void);
void lines_uninit(void);

/* otr.c: the commands and menus of a conversation */
void otr_init(void);
void otr_uninit(void);
/* Do one of the verbs of /otr, and say what came of it; text may be NULL. */
void otr_do(PurpleAccount *account, const char *who, const char *verb,
	    const char *text);
/* [request] on_list, pidgin_otr and lurch, from message_flags. */
void otr_flags(GKeyFile *request, guint32 flags);
/* lurch is to learn which devices the buddy of a new conversation has. */
void otr_opened(PurpleConversation *conv);
/* The peers of a session that is about to end hear of it, once. */
void otr_end(PurpleAccount *account);
/* Another plugin that encrypts was loaded: never two for one account. */
void otr_hand_over(void);
void signing_off_cb(PurpleConnection *gc, void *data);
void conversation_extended_menu_cb(PurpleConversation *conv, GList **menu,
				   void *data);
void blist_node_extended_menu_cb(PurpleBlistNode *node, GList **menu,
				 void *data);

/* verify.c: the form to verify a buddy */
void verify_show(PurpleAccount *account, const char *who);

/* keys.c: Keys and fingerprints... */
void keys_show(PurplePluginAction *action);
/* TRUE where the call that is answered was one of ours. */
gboolean keys_result(guint64 number);
void keys_uninit(void);

/* logs.c: no logs where messages must stay secret */
void conversation_created_cb(PurpleConversation *conv, void *data);
void conversation_updated_cb(PurpleConversation *conv,
			     PurpleConvUpdateType type, void *data);
/* A status text is set. */
void account_status_changed_cb(PurpleAccount *account, PurpleStatus *old,
			       PurpleStatus *now, void *data);
/* A buddy is seen last now. */
void buddy_signed_off_cb(PurpleBuddy *buddy, void *data);
/* Its log of comings and goings. */
void logs_sign_on(PurpleAccount *account);
void logs_signed_off(PurpleAccount *account);
/* Whether buddies' pictures are kept in files. */
void logs_update(gboolean any_secret);
/* What the account has already: conversations, status texts. */
void logs_apply(PurpleAccount *account);

/* names.c: what is asked of DNS in clear */
void names_init(void);
/* FALSE where someone else put their own in our place. */
gboolean names_ours(void);
void names_uninit(void);

/* links.c: no link in the program's browser */
void links_init(void);
gboolean links_ours(void);
void links_uninit(void);

/* peers.c: files and calls */
void file_recv_request_cb(PurpleXfer *xfer, void *data);
void peers_update(gboolean any_protected);

/* times.c: when, and who wanted it */
void times_init(void);
void times_uninit(void);
/* TRUE while libpurple sets the program's status on all accounts. */
gboolean times_activating(void);
/* A person wants this account online. */
void times_asked(PurpleAccount *account);
/* FALSE where nobody did: it signs on with the program, or the network. */
gboolean times_wanted(PurpleAccount *account);
/* How many milliseconds to wait, so that accounts act apart; 0: none. */
guint times_delay(void);
/* A person signs the account off: the server need not hear of it at once. */
void times_leaving(PurpleAccount *account);
void account_asked_cb(PurpleAccount *account, void *data);
void savedstatus_changed_cb(PurpleSavedStatus *now, PurpleSavedStatus *old,
			    void *data);

/* person.c */
/* A secret account is to sign on with its own status. */
void person_sign_on(PurpleAccount *account);

/* wrap.c */
void wrap_init(void);
void wrap_protocol(PurplePlugin *plugin);
/* FALSE where someone else wrapped over us: nothing was undone then. */
gboolean wrap_uninit(void);

/* newcomer.c: accounts that are met for the first time */
void newcomer_init(void);
/* A new account gets its level; FALSE: it was refused, and the person is asked
 * or told why. */
gboolean newcomer_settle(PurpleAccount *account);
void newcomer_added_cb(PurpleAccount *account, void *data);
void newcomer_removed_cb(PurpleAccount *account, void *data);

/* signon.c */
void signing_on_cb(PurpleConnection *gc, void *data);
void signed_on_cb(PurpleConnection *gc, void *data);
void signed_off_cb(PurpleConnection *gc, void *data);
/* Take the account offline with a reason that the person sees. */
void signon_refuse(PurpleAccount *account, const char *reason,
		   const char *text, gboolean passing);

/* retry.c */
void retry_refused(struct watched *w, const char *reason, gboolean passing);
void retry_tor(const struct ponion_event *ev);
void retry_uninit(void);

/* events.c */
gboolean events_init(void);
int events_fd(void);
void events_uninit(void);

/* bus.c */
/* Carry out what the helper has under a number for the session bus. */
void bus_request(guint32 number, gboolean agreed);

/* process.c: what libpurple has once for the process */
void process_init(void);
void process_uninit(void);
gboolean process_no_proxy_live(void);
void process_update(void);

/* probes.c: what asks the network for the computer's address */
void probes_init(void);
/* Off while an account is protected, else as before. */
void probes_update(void);
/* The same, where it could not be done. */
void probes_retry(void);

/* certs.c */
void certs_init(void);
/* FALSE where someone else wrapped over us. */
gboolean certs_ours(void);
void certs_uninit(void);

/* pem.c */
/* NULL-terminated PEM texts, owned; NULL where one cannot be had, or there
 * are more than 16. */
char **pem_chain(GList *chain);

/* quit.c: what is lost when the program ends */
void quit_init(void);
void quit_uninit(void);

/* watch.c: settings changed behind our back */
void watch_init(void);
void watch_uninit(void);

/* actions.c, protect.c: the Tools menu */
GList *actions_list(PurplePlugin *plugin, gpointer context);
void actions_result(guint64 number);
void actions_uninit(void);
void protect_show(PurplePluginAction *action);
/* Give an account a level: 0 none, 1 tor, 2 secret; FALSE: the person was told
 * why not. */
gboolean protect_carry_out(PurpleAccount *account, int level);

#endif
