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

#define PONION_ABI 1u
#define PONION_TEXT_MAX 65536u

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
	PONION_SIGNON_ONLINE = 1	/* online: no further stream is let in */
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
	uint32_t reserved;
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
	PONION_EVENT_RESULT = 5		/* call() number `sign_on` is answered */
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
