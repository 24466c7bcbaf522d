/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ponion.h - the contract between the plugin (the shim, C) and the helper
 * (Go, a c-shared library).
 *
 * Threads: every function is called from libpurple's main thread only and
 * answers from facts at hand; what is slow comes back as an event. The helper
 * never calls the shim.
 *
 * Ownership: structs are allocated by the caller, which sets `size` to
 * sizeof; a struct that is smaller than the helper's is refused. Text that is
 * passed in is borrowed for the call: NUL-terminated, at most
 * PONION_TEXT_MAX bytes; bad UTF-8 is replaced. Text in an answer is inline
 * and always NUL-terminated.
 *
 * Fail closed: a zeroed answer means block. Where a function cannot answer
 * (NULL, wrong size, not started, a panic inside) it leaves or makes the
 * answer zero but for the reason, and returns PONION_BLOCK.
 */
#ifndef PONION_H
#define PONION_H

#include <stdint.h>

#define PONION_ABI 2u
#define PONION_TEXT_MAX 65536u
#define PONION_MESSAGE_MAX 1048576u	/* bytes of one message or stanza */

/* What the plugin may do. */
enum ponion_verdict {
	PONION_BLOCK = 0,
	PONION_ALLOW = 1,
	PONION_HOLD = 2
};

/* An account's protection level. 0: unknown, which blocks. */
enum ponion_level {
	PONION_LEVEL_UNKNOWN = 0,
	PONION_LEVEL_NONE = 1,
	PONION_LEVEL_TOR = 2,
	PONION_LEVEL_SECRET = 3
};

/* What an account is about to do. */
enum ponion_op {
	PONION_OP_UNKNOWN = 0,
	PONION_OP_CONNECT = 1,	/* sign on, register or unregister */
	PONION_OP_LOOK = 2	/* nothing: only its level is asked for */
};

/* How a sign-on went on. */
enum ponion_signon_state {
	PONION_SIGNON_ENDED = 0,	/* offline: its streams are closed */
	PONION_SIGNON_ONLINE = 1,	/* online: no further stream is let in */
	PONION_SIGNON_LEAVING = 2	/* a person signs off; ENDED comes next */
};

/* On which way a message is met. */
enum ponion_way {
	PONION_WAY_UNKNOWN = 0,
	PONION_WAY_TYPED = 1,	/* `sending-im-msg`: HTML */
	PONION_WAY_IM = 2,	/* prpl->send_im: whoever sends, HTML */
	PONION_WAY_CHAT = 3,	/* `sending-chat-msg`, prpl->chat_send: HTML */
	PONION_WAY_STANZA = 4,	/* `jabber-sending-xmlnode`: XML of one node */
	PONION_WAY_TEXT = 5,	/* `jabber-sending-text`, not an allowed stanza */
	PONION_WAY_IRC = 6,	/* `irc-sending-text`: one line with its CR LF */
	PONION_WAY_RECEIVED = 7,	/* `receiving-im-msg`: HTML */
	PONION_WAY_ARRIVED_STANZA = 8,	/* XML of one node that came */
	PONION_WAY_ARRIVED_IRC = 9	/* one line that came, without CR LF */
};

/* What is known about a message; bits. */
enum ponion_message_flag {
	PONION_MESSAGE_ON_LIST = 1,	/* the buddy is on the account's list */
	PONION_MESSAGE_PIDGIN_OTR = 2,	/* pidgin-otr is loaded here */
	PONION_MESSAGE_LURCH = 4,	/* lurch is loaded here */
	PONION_MESSAGE_OMEMO = 8	/* it came, and lurch decrypted it */
};

/* What the helper wants done for an account. */
enum ponion_line_kind {
	PONION_LINE_NONE = 0,
	PONION_LINE_SEND = 1,	/* to the buddy, by prpl->send_im */
	PONION_LINE_SAY = 2,	/* a system line in the conversation, not logged */
	PONION_LINE_SHOW = 3,	/* HTML, as received from the buddy */
	PONION_LINE_STANZA = 4	/* XML of one node, for the XMPP server */
};

/* An account as the shim knows it now. */
struct ponion_account {
	uint32_t size;
	uint32_t op;			/* enum ponion_op */
	uint64_t handle;		/* the shim's number; never used again */
	const char *protocol;		/* "prpl-jabber" */
	const char *name;		/* exactly as libpurple has it */
	const char *setting;		/* purple-onion/protection, or NULL */
	const char *domain;		/* XMPP: of the JID; IRC: the server */
	const char *connect_server;	/* XMPP, or "" */
	uint32_t port;			/* as libpurple will ask for it */
	uint32_t no_proxy_live;		/* 1: no_proxy may bypass proxies here */
	uint32_t pinned;		/* 1: the settings are set for Tor */
	uint32_t asked;			/* 1: a person wants it online in this session */
};

/* The answer to a question about an account. */
struct ponion_answer {
	uint32_t size;
	uint32_t verdict;		/* enum ponion_verdict */
	uint32_t level;			/* enum ponion_level */
	uint32_t passing;		/* 1: trying again later can help */
	uint64_t sign_on;		/* number of the sign-on that is allowed */
	uint32_t gate_port;		/* 127.0.0.1:port; 0 where none is needed */
	uint32_t reserved;
	char user[64];			/* for the gate, this sign-on alone */
	char password[64];
	char reason[48];		/* kebab-case code, "" where there is none */
	char text[464];			/* for the person; names no account */
};

/* A message on its way. */
struct ponion_message {
	uint32_t size;
	uint32_t way;			/* enum ponion_way */
	uint64_t sign_on;		/* of the account */
	uint32_t flags;			/* enum ponion_message_flag */
	uint32_t length;		/* bytes of text, without its NUL */
	const char *buddy;		/* normalised; NULL: text says to whom */
	const char *text;		/* at most PONION_MESSAGE_MAX bytes */
};

/* The answer about a message. */
struct ponion_reply {
	uint32_t size;
	uint32_t verdict;		/* enum ponion_verdict */
	char *text;			/* goes instead; NULL: as it is. free_text */
	char reason[48];
	char told[464];			/* for the person, "" where silent */
};

/* One thing to do, see next_line. */
struct ponion_line {
	uint32_t size;
	uint32_t kind;			/* enum ponion_line_kind */
	uint64_t handle;		/* account */
	uint64_t sign_on;
	char *buddy;			/* free_text; NULL where all is zero */
	char *text;			/* free_text */
};

/* A certificate chain as the server sent it. */
struct ponion_chain {
	uint32_t size;
	uint32_t count;			/* of certificates, leaf first */
	uint64_t handle;
	const char *const *pem;		/* count texts (RFC 7468) */
};

enum ponion_event_kind {
	PONION_EVENT_NONE = 0,
	PONION_EVENT_LOG = 1,		/* text for the debug log */
	PONION_EVENT_BLOCKED = 2,	/* take the account offline: reason, text */
	PONION_EVENT_STATE = 3,		/* an account's circuit, for the log */
	PONION_EVENT_TOR = 4,		/* Tor's state changed: progress, text */
	PONION_EVENT_RESULT = 5,	/* call() number `sign_on` is answered */
	PONION_EVENT_LINES = 6,		/* next_line has something */
	PONION_EVENT_REQUEST = 7	/* op `request` with number `sign_on` */
};

struct ponion_event {
	uint32_t size;
	uint32_t kind;			/* enum ponion_event_kind */
	uint64_t handle;		/* account, or 0 */
	uint64_t sign_on;		/* sign-on that it is about, or 0 */
	uint32_t passing;
	uint32_t progress;		/* per cent of Tor's bootstrap */
	char reason[48];
	char text[960];
};

/*
 * The table. All pointers are set; the table lives as long as the process.
 */
struct ponion_api {
	uint32_t size;
	uint32_t abi;			/* PONION_ABI */

	/*
	 * start - begin to work
	 *
	 * settings: key file (see call) with [start] user_dir, version.
	 * event_fd: eventfd(2), non-blocking; the helper writes to it when
	 * next_event has something. It stays the shim's.
	 * Returns 1, or 0 where it could not (then everything blocks).
	 */
	int (*start)(const char *settings, int event_fd);

	/*
	 * stop - close every stream, the gate and what else was started
	 *
	 * Returns within 2 s; a private Tor ends with its last user. After it
	 * start may be called again.
	 */
	void (*stop)(void);

	/*
	 * decide_connect - may this account sign on, register, unregister?
	 *
	 * To be asked in `signing-on`, with op. On PONION_ALLOW with
	 * gate_port set the account's libpurple proxy must become
	 * tor://127.0.0.1:gate_port with user and password, for this sign-on.
	 * On PONION_ALLOW with gate_port 0 the account is not protected.
	 * Returns the verdict.
	 */
	int (*decide_connect)(const struct ponion_account *account,
			      struct ponion_answer *answer);

	/*
	 * decide_level - which protection has this account?
	 *
	 * PONION_ALLOW with level, or PONION_BLOCK with a reason where its
	 * level cannot be told (record and setting disagree).
	 */
	int (*decide_level)(const struct ponion_account *account,
			    struct ponion_answer *answer);

	/*
	 * decide_certificate - is this chain valid for the account's domain?
	 *
	 * Only for a protected account in a sign-on. Returns PONION_ALLOW or
	 * PONION_BLOCK with reason and text.
	 */
	int (*decide_certificate)(const struct ponion_chain *chain,
				  struct ponion_answer *answer);

	/*
	 * decide_send - a person's message, way PONION_WAY_TYPED
	 *
	 * To be asked last in `sending-im-msg`. PONION_ALLOW: it goes, or
	 * reply->text instead of it. PONION_HOLD: the helper keeps it and
	 * sends it later; the shim cancels it and shows it as sent.
	 * PONION_BLOCK: it is cancelled, and told is shown.
	 * Lines wait in next_line, and come before what is allowed here.
	 */
	int (*decide_send)(const struct ponion_message *message,
			   struct ponion_reply *reply);

	/*
	 * decide_receive - a message from a buddy, way PONION_WAY_RECEIVED
	 *
	 * PONION_ALLOW: it is shown, or reply->text instead of it.
	 * PONION_BLOCK: it is not shown; told is, where it says something.
	 *
	 * For PONION_WAY_ARRIVED_STANZA and _IRC: may libpurple have it?
	 * PONION_BLOCK with a stanza: reply->text is what is answered. On IRC
	 * reply->text, as long as the line, goes in its place either way.
	 */
	int (*decide_receive)(const struct ponion_message *message,
			      struct ponion_reply *reply);

	/*
	 * decide_wire - may this leave the account? The other ways
	 *
	 * PONION_ALLOW: as it is, or reply->text instead of it.
	 * PONION_BLOCK: not.
	 */
	int (*decide_wire)(const struct ponion_message *message,
			   struct ponion_reply *reply);

	/*
	 * next_line - take the next line to send, say or show
	 *
	 * To be asked until it returns 0 after each decide_send,
	 * decide_receive and call, and at each wake of event_fd.
	 * Lines of a sign-on that is over are dropped by the helper.
	 */
	int (*next_line)(struct ponion_line *line);

	/* signon_state - tell how the sign-on goes on (ponion_signon_state) */
	void (*signon_state)(uint64_t sign_on, uint32_t state);

	/*
	 * next_event - take the next event
	 *
	 * Returns 1, or 0 when there is none.
	 */
	int (*next_event)(struct ponion_event *event);

	/*
	 * call - a rare question, in GLib's key file format both ways
	 *
	 * The first group is [request] with `op`; the operations stand in
	 * helper/cmd/libpurple-onion/calls.go. The answer begins with [answer],
	 * `ok` true or false, and `text`; it is NULL only on NULL or a panic.
	 * It is freed with free_text. Slow operations answer `pending` = N
	 * and come back as PONION_EVENT_RESULT; then op `result` with
	 * `number` = N gives the answer, once.
	 */
	char *(*call)(const char *request);
	void (*free_text)(char *text);
};

/*
 * ponion_get_api - the library's only symbol
 *
 * Returns the table, or NULL where it does not speak this ABI. Starts
 * nothing but Go's runtime.
 */
const struct ponion_api *ponion_get_api(uint32_t abi);

#endif
