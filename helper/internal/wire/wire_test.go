// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"encoding/base64"
	"strings"
	"testing"

	"purpleonion.org/purple-onion/helper/internal/otr"
	"purpleonion.org/purple-onion/helper/internal/policy"
)

// dataLine is a data message of the right structure (OTRv3, "Data Message").
func dataLine(payload string) string {
	b := []byte{0, 3, 3, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1}
	y := append([]byte{0, 0, 0, 192, 0x7f}, []byte(strings.Repeat("\x55", 191))...)
	b = append(append(b, y...), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, byte(len(payload)))
	b = append(append(b, payload...), []byte(strings.Repeat("\x01", 20))...)
	return "?OTR:" + base64.StdEncoding.EncodeToString(append(b, 0, 0, 0, 0)) + "."
}

// key and point are what a device's message and a public key look like, signed
// a signature (curve25519 with libsignal's prefixes).
var (
	key    = base64.StdEncoding.EncodeToString(append([]byte{0x33}, make([]byte, 80)...))
	point  = base64.StdEncoding.EncodeToString(append([]byte{5}, make([]byte, 32)...))
	signed = base64.StdEncoding.EncodeToString(make([]byte, 64))
)

var omemo = `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='12'><key rid='34' prekey='true'>` + key +
	`</key><iv>QUJDREVGR0hJSktM</iv></header><payload>c2VhbGVk</payload></encrypted>`

// publishing is what lurch writes to publish an item at a node.
func publishing(node, item string) string {
	return "<iq type='set' id='purple1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='eu.siacs.conversations.axolotl." +
		node + "'><item>" + item + "</item></publish></pubsub></iq>"
}

var (
	deviceList = "<list xmlns='eu.siacs.conversations.axolotl'><device id='12'/><device id='34'/></list>"
	keyBundle  = "<bundle xmlns='eu.siacs.conversations.axolotl'><signedPreKeyPublic signedPreKeyId='0'>" + point + "</signedPreKeyPublic><signedPreKeySignature>" +
		signed + "</signedPreKeySignature><identityKey>" + point + "</identityKey><prekeys><preKeyPublic preKeyId='1'>" + point + "</preKeyPublic></prekeys></bundle>"
)

func TestStanza(t *testing.T) {
	line := dataLine("x")
	if otr.Classify(line) != otr.ClassMessage {
		t.Fatal("the test's line is not OTR")
	}
	head := "<message type='chat' id='purple1' to='b@b.test'>"
	rebuilt := head + "<body>" + line + "</body></message>"
	for _, c := range []struct {
		name, stanza string
		content      policy.Content
		text         string // "": as it is
	}{
		{"OTR", rebuilt, policy.ContentOTR, ""},
		{"OTR with a chat state and a thread", head + "<active xmlns='http://jabber.org/protocol/chatstates'/><thread>plain words</thread><body>" + line + "</body></message>", policy.ContentOTR, rebuilt},
		{"OTR with XHTML", head + "<body>" + line + "</body><html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>hi</body></html></message>", policy.ContentReadable, ""},
		{"OTR with a subject", head + "<subject>hi</subject><body>" + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR with words after it", head + "<body>" + line + " and words</body></message>", policy.ContentReadable, ""},
		{"OTR with words before it", head + "<body>words " + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR and a second body", head + "<body>" + line + "</body><body>words</body></message>", policy.ContentReadable, ""},
		{"OTR and loose text", head + "words<body>" + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR with words in an attribute", "<message type='chat' id='purple1' to='b@b.test' note='words'><body>" + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR with words in the id", "<message type='chat' id='some words' to='b@b.test'><body>" + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR with words in the type", "<message type='words' to='b@b.test'><body>" + line + "</body></message>", policy.ContentReadable, ""},
		{"OTR with a language", head + "<body xml:lang='en'>" + line + "</body></message>", policy.ContentReadable, ""},
		{"only a prefix", head + "<body>?OTR:words</body></message>", policy.ContentReadable, ""},
		{"base64 of words", head + "<body>?OTR:aGVsbG8gd29ybGQ=.</body></message>", policy.ContentReadable, ""},
		{"a fragment", head + "<body>?OTR,00001,00002,?OTR:AAMDsecretwordswithoutspaces,</body></message>", policy.ContentReadable, ""},
		{"query", head + "<body>?OTRv3?</body></message>", policy.ContentQuery, ""},
		{"a wordy query", head + "<body>?OTRv23?\n&lt;b&gt;alice@a.test&lt;/b&gt; has requested</body></message>", policy.ContentQuery, head + "<body>?OTRv23?</body></message>"},
		{"an error", head + "<body>?OTR Error: words</body></message>", policy.ContentOTRError, head + "<body>" + otr.ErrorReply + "</body></message>"},
		{"plain", head + "<body>hello</body></message>", policy.ContentReadable, ""},
		{"a chat state", head + "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>", policy.ContentState, ""},
		{"a chat state with words", head + "<composing xmlns='http://jabber.org/protocol/chatstates'>words</composing></message>", policy.ContentReadable, ""},
		{"nothing", head + "</message>", policy.ContentReadable, ""},
		{"attention", "<message to='b@b.test' type='headline'><attention xmlns='urn:xmpp:attention:0'/></message>", policy.ContentReadable, ""},
		{"an invitation", "<message to='r@c.test'><x xmlns='http://jabber.org/protocol/muc#user'><invite to='b@b.test'><reason>words</reason></invite></x></message>", policy.ContentChat, ""},
		{"groupchat", "<message type='groupchat' to='r@c.test'><body>" + line + "</body></message>", policy.ContentChat, ""},
		{"a topic", "<message type='groupchat' to='r@c.test'><subject>words</subject></message>", policy.ContentChat, ""},
		{"OMEMO", head + omemo + "<body>" + fallbacks[0] + "</body><store xmlns='urn:xmpp:hints'/></message>", policy.ContentOMEMO, head + omemo + "<body>" + fallbacks[0] + "</body><store xmlns='urn:xmpp:hints'/></message>"},
		{"OMEMO as lurch writes it", head + "<active xmlns='http://jabber.org/protocol/chatstates'/>" + omemo +
			"<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/><store xmlns='urn:xmpp:hints'/></message>", policy.ContentOMEMO,
			head + omemo + "<encryption xmlns='urn:xmpp:eme:0' namespace='eu.siacs.conversations.axolotl' name='OMEMO'/><store xmlns='urn:xmpp:hints'/></message>"},
		{"OMEMO in a chat", "<message type='groupchat' to='r@c.test'>" + omemo + "</message>", policy.ContentChat, ""},
		{"OMEMO with another body", head + omemo + "<body>words</body></message>", policy.ContentReadable, ""},
		{"OMEMO with a body that begins as known", head + omemo + "<body>" + fallbacks[0] + " words</body></message>", policy.ContentReadable, ""},
		{"OMEMO with two bodies", head + omemo + "<body>" + fallbacks[0] + "</body><body>" + fallbacks[0] + "</body></message>", policy.ContentReadable, ""},
		{"OMEMO and XHTML", head + omemo + "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>words</body></html></message>", policy.ContentReadable, ""},
		{"OMEMO and an unknown part", head + omemo + "<note xmlns='words'>words</note></message>", policy.ContentReadable, ""},
		{"OMEMO twice", head + omemo + omemo + "</message>", policy.ContentReadable, ""},
		{"OMEMO with words in the payload", head + strings.Replace(omemo, "c2VhbGVk", "some words!", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with plain words in the payload", head + strings.Replace(omemo, "c2VhbGVk", "some more words", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with lines in the payload", head + strings.Replace(omemo, "c2VhbGVk", "c2Vh\nbGVk", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with words as a key", head + strings.Replace(omemo, key, "wordswithoutspac", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with words as the iv", head + strings.Replace(omemo, "QUJDREVGR0hJSktM", "plainwordsplainwords", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO for no device", head + strings.Replace(omemo, "<key rid='34' prekey='true'>"+key+"</key>", "", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO without a payload", head + strings.Replace(omemo, "<payload>c2VhbGVk</payload>", "", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with an empty payload", head + strings.Replace(omemo, "<payload>c2VhbGVk</payload>", "<payload/>", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with one part more", head + strings.Replace(omemo, "</header>", "</header><note>words</note>", 1) + "</message>", policy.ContentReadable, ""},
		{"OMEMO with an attribute more", head + strings.Replace(omemo, "sid='12'", "sid='12' note='words'", 1) + "</message>", policy.ContentReadable, ""},
		{"presence", "<presence><show>away</show><status>words</status><priority>1</priority></presence>", policy.ContentOther, "<presence><show>away</show></presence>"},
		{"a request to subscribe", "<presence to='b@b.test' type='subscribe'><status>words</status></presence>", policy.ContentOther, "<presence to='b@b.test' type='subscribe'/>"},
		{"joining a chat", "<presence to='r@c.test/nick'><x xmlns='http://jabber.org/protocol/muc'/></presence>", policy.ContentChat, ""},
		{"kicking somebody", "<iq type='set' id='1' to='r@c.test'><query xmlns='http://jabber.org/protocol/muc#admin'><item nick='e' role='none'><reason>words</reason></item></query></iq>", policy.ContentChat, ""},
		{"presence with words as show", "<presence><show>words</show></presence>", policy.ContentOther, "<presence/>"},
		{"a question", "<iq type='get' id='1' to='a.test'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", policy.ContentOther, ""},
		{"the roster", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@b.test'/></query></iq>", policy.ContentOther, ""},
		{"a vCard", "<iq type='set' id='1'><vCard xmlns='vcard-temp'><NOTE>words</NOTE></vCard></iq>", policy.ContentReadable, ""},
		{"a buddy with a name", "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@b.test' name='Deep Throat'><group>sources</group></item></query></iq>", policy.ContentOther, "<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@b.test'/></query></iq>"},
		{"our version", "<iq type='result' id='1' to='b@b.test/x'><query xmlns='jabber:iq:version'><name>Pidgin</name></query></iq>", policy.ContentPersonal, ""},
		{"our features", "<iq type='result' id='1' to='b@b.test/x'><query xmlns='http://jabber.org/protocol/disco#info'><feature var='x'/></query></iq>", policy.ContentPersonal, ""},
		{"caps and idle time", "<presence><c xmlns='http://jabber.org/protocol/caps' node='http://pidgin.im/' ver='x'/><query xmlns='jabber:iq:last' seconds='60'/></presence>", policy.ContentOther, "<presence/>"},
		{"a file", "<iq type='set' id='1' to='b@b.test/x'><si xmlns='http://jabber.org/protocol/si'/></iq>", policy.ContentPeer, ""},
		{"bytes in-band", "<iq type='set' id='1' to='b@b.test/x'><data xmlns='http://jabber.org/protocol/ibb'>d29yZHM=</data></iq>", policy.ContentPeer, ""},
		{"a mood", "<iq type='set' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='http://jabber.org/protocol/mood'><item/></publish></pubsub></iq>", policy.ContentReadable, ""},
		{"OMEMO's devices", publishing("devicelist", deviceList), policy.ContentOther, ""},
		{"OMEMO's keys", publishing("bundles:12", keyBundle), policy.ContentOther, ""},
		{"an empty item as devices", publishing("devicelist", ""), policy.ContentReadable, ""},
		{"words among the devices", publishing("devicelist", strings.Replace(deviceList, "</list>", "words</list>", 1)), policy.ContentReadable, ""},
		{"words as a device", publishing("devicelist", strings.Replace(deviceList, "'34'", "'words'", 1)), policy.ContentReadable, ""},
		{"a device with a name", publishing("devicelist", strings.Replace(deviceList, "id='34'", "id='34' label='words'", 1)), policy.ContentReadable, ""},
		{"words at the devices' node", publishing("devicelist", "<note xmlns='words'>words</note>"), policy.ContentReadable, ""},
		{"words beside the devices", publishing("devicelist", deviceList+"<note xmlns='words'>words</note>"), policy.ContentReadable, ""},
		{"devices at another node", publishing("devicelist.words", deviceList), policy.ContentReadable, ""},
		{"keys of a device of words", publishing("bundles:words", keyBundle), policy.ContentReadable, ""},
		{"words as a key", publishing("bundles:12", strings.Replace(keyBundle, point, "c29tZSB3b3Jkcw==", 1)), policy.ContentReadable, ""},
		{"words as a key's number", publishing("bundles:12", strings.Replace(keyBundle, "'1'", "'words'", 1)), policy.ContentReadable, ""},
		{"words among the keys", publishing("bundles:12", strings.Replace(keyBundle, "<prekeys>", "<prekeys><note>words</note>", 1)), policy.ContentReadable, ""},
		{"keys and options", strings.Replace(publishing("bundles:12", keyBundle), "</pubsub>", "<publish-options><x xmlns='jabber:x:data'><field var='words'/></x></publish-options></pubsub>", 1), policy.ContentReadable, ""},
		{"OMEMO's devices with words as the id", strings.Replace(publishing("devicelist", deviceList), "'purple1'", "'some words'", 1), policy.ContentReadable, ""},
		{"a question for devices", DevicesQuestion("b@b.test", "purple1"), policy.ContentOther, ""},
		{"SASL", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biws</auth>", policy.ContentOther, ""},
		{"stream management", "<enable xmlns='urn:xmpp:sm:3' resume='true'/>", policy.ContentOther, ""},
		{"an unknown element", "<note xmlns='words'>words</note>", policy.ContentReadable, ""},
		{"a comment", "<presence><!-- words --></presence>", policy.ContentReadable, ""},
		{"two elements", "<presence/><message><body>words</body></message>", policy.ContentReadable, ""},
		{"not closed", "<presence>", policy.ContentReadable, ""},
		{"a prefix", "<x:message xmlns:x='jabber:client'><body>words</body></x:message>", policy.ContentReadable, ""},
		{"a prefixed presence", "<presence><x:status xmlns:x='jabber:client'>words</x:status></presence>", policy.ContentOther, "<presence/>"},
		{"another namespace", "<message xmlns='words'><body>?OTRv3?</body></message>", policy.ContentReadable, ""},
		{"deep", strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), policy.ContentReadable, ""},
		{"empty", "", policy.ContentReadable, ""},
	} {
		got := Stanza(c.stanza, policy.LevelSecret)
		want := c.text
		if want == "" {
			want = c.stanza
		}
		if got.Content != c.content || got.Text != want {
			t.Errorf("%s: content %d %q, want %d %q", c.name, got.Content, got.Text, c.content, want)
		}
		if got.Cut != (c.name == "presence" || c.name == "a request to subscribe") {
			t.Errorf("%s: words were left out: %v", c.name, got.Cut)
		}
		if (got.Line != "") != (c.content == policy.ContentOTR || c.content == policy.ContentQuery || c.content == policy.ContentOTRError) {
			t.Errorf("%s: line %q", c.name, got.Line)
		}
	}
}

func TestText(t *testing.T) {
	for text, content := range map[string]policy.Content{
		"<?xml version='1.0' ?>": policy.ContentOther,
		"<?xml version='1.0' ?><stream:stream to='a.test' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>": policy.ContentOther,
		"<stream:stream to='a.test' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>":                       policy.ContentOther,
		"</stream:stream>": policy.ContentOther,
		"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>": policy.ContentOther,
		" ":  policy.ContentOther,
		"\t": policy.ContentOther,
		"":   policy.ContentReadable,
		"<message to='b@b.test'><body>words</body></message>":          policy.ContentReadable,
		"<message to='b@b.test'><body>?OTRv3?</body></message>":        policy.ContentReadable,
		"</stream:stream><message><body>words</body></message>":        policy.ContentReadable,
		"<stream:stream to='a.test'><message><body>x</body></message>": policy.ContentReadable,
		"<stream:stream to='a.test' words='words'>":                    policy.ContentReadable,
		"<presence/>": policy.ContentReadable,
		"words":       policy.ContentReadable,
	} {
		if got := Text(text); got.Content != content {
			t.Errorf("%q: %d, want %d", text, got.Content, content)
		}
	}
}

func TestIRC(t *testing.T) {
	line := dataLine("x")
	for _, c := range []struct {
		line    string
		content policy.Content
		says    string // what is left of it, without padding
	}{
		{"PRIVMSG bob :" + line + "\r\n", policy.ContentOTR, "PRIVMSG bob :" + line},
		{"NOTICE bob :" + line + "\r\n", policy.ContentOTR, "NOTICE bob :" + line},
		{"PRIVMSG bob :?OTR,00001,00002,?OTR:AAMDxyz,\r\n", policy.ContentOTR, "PRIVMSG bob :?OTR,00001,00002,?OTR:AAMDxyz,"},
		{"PRIVMSG bob :?OTRv23? alice wants\r\n", policy.ContentQuery, "PRIVMSG bob :?OTRv23?"},
		{"PRIVMSG bob :hello\r\n", policy.ContentReadable, ""},
		{"PRIVMSG bob hello\r\n", policy.ContentReadable, ""},
		{"PRIVMSG bob :\x01DCC SEND f 1 2 3\x01\r\n", policy.ContentPeer, ""},
		{"NOTICE bob :\x01VERSION Purple IRC\x01\r\n", policy.ContentPersonal, ""},
		{"PRIVMSG bob :\x01ACTION waves\x01\r\n", policy.ContentReadable, ""},
		{"PRIVMSG bob,eve :" + line + "\r\n", policy.ContentReadable, ""},
		{"PRIVMSG #room :" + line + "\r\n", policy.ContentChat, ""},
		{"PRIVMSG @#room :hello\r\n", policy.ContentChat, ""},
		{"privmsg NickServ :IDENTIFY secret\r\n", policy.ContentServices, ""},
		{"PRIVMSG nickserv@services.test :IDENTIFY secret\r\n", policy.ContentServices, ""},
		{"NS IDENTIFY secret\r\n", policy.ContentServices, ""},
		{"JOIN #room\r\n", policy.ContentChat, ""},
		{"NICK alice\r\n", policy.ContentOther, "NICK alice"},
		{"USER user * server :user\r\n", policy.ContentOther, "USER user * server :user"},
		{"PASS :a pass phrase\r\n", policy.ContentOther, "PASS :a pass phrase"},
		{"PING :1234\r\n", policy.ContentOther, "PING :1234"},
		{"PING :plain words\r\n", policy.ContentReadable, ""},
		{"AWAY :gone to the meeting\r\n", policy.ContentOther, "AWAY"},
		{"AWAY\r\n", policy.ContentOther, "AWAY"},
		{"QUIT :bye words\r\n", policy.ContentOther, "QUIT"},
		{"PART #room :words\r\n", policy.ContentOther, "PART #room"},
		{"TOPIC #room :words\r\n", policy.ContentOther, "TOPIC #room"},
		{"KICK #room eve :words\r\n", policy.ContentOther, "KICK #room eve"},
		{"INVITE bob #room\r\n", policy.ContentOther, "INVITE bob #room"},
		{"INVITE bob #room words\r\n", policy.ContentOther, "INVITE bob #room"},
		{"PRIVMSG bob :?OTR Error: words\r\n", policy.ContentReadable, ""},
		{"PRIVMSG bob :" + otr.ErrorReply + " words\r\n", policy.ContentOTRError, "PRIVMSG bob :" + otr.ErrorReply},
		{"WALLOPS :words\r\n", policy.ContentReadable, ""},
		{"SQUERY x :words\r\n", policy.ContentServices, ""},
		{":me PRIVMSG bob :words\r\n", policy.ContentReadable, ""},
		{"PING :1\r\nPRIVMSG bob :words\r\n", policy.ContentReadable, ""},
		{"PING :1\nPRIVMSG bob :words\r\n", policy.ContentReadable, ""},
		{"\r\n", policy.ContentReadable, ""},
		{"", policy.ContentReadable, ""},
	} {
		got := IRC(c.line, policy.LevelSecret)
		if got.Content != c.content {
			t.Errorf("%q: content %d, want %d", c.line, got.Content, c.content)
		}
		if got.Cut != (strings.Contains(c.line, "words") && got.Content == policy.ContentOther && !strings.HasPrefix(c.line, "QUIT")) != strings.HasPrefix(c.line, "AWAY :gone") {
			t.Errorf("%q: words were left out: %v", c.line, got.Cut)
		}
		if c.says == "" {
			continue
		}
		if says := strings.TrimRight(strings.TrimSuffix(got.Text, "\r\n"), " "); says != c.says || len(got.Text) < len(c.line) || !strings.HasSuffix(got.Text, "\r\n") {
			t.Errorf("%q goes as %q", c.line, got.Text)
		}
	}
}

// What is allowed at level secret holds none of the words that a person could
// have written: they stand in the input between two marks.
func FuzzStanza(f *testing.F) {
	line := dataLine("x")
	for _, s := range []string{
		"<message type='chat' to='b@b.test'><body>" + line + "</body></message>", "<presence><status>WORDS</status></presence>",
		"<message to='b@b.test'>" + omemo + "</message>", "<message to='b'><body>?OTRv23? WORDS</body></message>",
		"<iq type='set'><query xmlns='jabber:iq:roster'/></iq>", "<message><![CDATA[WORDS]]></message>",
		"<presence xmlns='jabber:client' xmlns:a='b'><a:show>WORDS</a:show></presence>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := Stanza(text, policy.LevelSecret)
		switch r.Content {
		case policy.ContentOTR, policy.ContentQuery, policy.ContentOTRError:
			again := Stanza(r.Text, policy.LevelSecret)
			if again.Content != r.Content || again.Line != r.Line || again.Text != r.Text {
				t.Errorf("%q goes as %q, which reads otherwise", text, r.Text)
			}
			if strings.Count(r.Text, r.Line) > 1 || len(r.Text) > len(r.Line)*6+len(text)+64 {
				t.Errorf("%q goes as %q", text, r.Text)
			}
			if content, l := Line(r.Line); content != r.Content || l != r.Line {
				t.Errorf("the line %q is not what it is taken for", r.Line)
			}
		case policy.ContentOther:
			if e, err := parseElement(r.Text); err != nil {
				t.Errorf("%q goes as %q: %v", text, r.Text, err)
			} else if e.name == "presence" && strings.Contains(r.Text, "status") && !strings.Contains(r.Text, "='") {
				t.Errorf("%q goes as %q", text, r.Text)
			}
		case policy.ContentNotAsked:
			t.Errorf("%q has no content", text)
		default:
		}
	})
}

// libotr's heartbeat is a data message with no text (one byte, encrypted) that
// need not be read; its last words, a few bytes more.
func TestHeartbeat(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(strings.TrimPrefix(dataLine("x"), "?OTR:"), "."))
	if err != nil {
		t.Fatal(err)
	}
	raw[11] = 1 // IGNORE_UNREADABLE
	line := "?OTR:" + base64.StdEncoding.EncodeToString(raw) + "."
	if content, got := Line(line); content != policy.ContentOTR || got != line {
		t.Errorf("a heartbeat is content %d, %q", content, got)
	}
}

func FuzzIRC(f *testing.F) {
	for _, s := range []string{"PRIVMSG bob :" + dataLine("x") + "\r\n", "AWAY :WORDS\r\n", "PING :x\r\n", "USER a * b :c d\r\n", "PART #x :y", "NOTICE bob :?OTR Error: x\r\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := IRC(line, policy.LevelSecret)
		if r.Text == "" {
			if r.Content == policy.ContentOther || r.Line != "" {
				t.Errorf("%q may go, as nothing", line)
			}
			return
		}
		if len(r.Text) < len(line) && r.Text != line {
			t.Errorf("%q goes as %q, which is shorter", line, r.Text)
		}
		if strings.Count(r.Text, "\n") > 1 {
			t.Errorf("%q goes as more than one line", line)
		}
		if again := IRC(r.Text, policy.LevelSecret); again.Content != r.Content {
			t.Errorf("%q goes as %q, which reads otherwise", line, r.Text)
		}
	})
}

func TestLevelTorSilencesTheProgramAlone(t *testing.T) {
	for stanza, want := range map[string]string{
		"<presence><status>words</status><priority>1</priority><c xmlns='http://jabber.org/protocol/caps' node='http://pidgin.im/'/><query xmlns='jabber:iq:last' seconds='9'/></presence>": "<presence><status>words</status><priority>1</priority></presence>",
		"<message to='b@b.test'><body>words</body><html xmlns='http://jabber.org/protocol/xhtml-im'/></message>":                                                                            "",
		"<iq type='set' id='1'><vCard xmlns='vcard-temp'><NOTE>words</NOTE></vCard></iq>":                                                                                                   "",
		"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@b.test' name='Bob'/></query></iq>":                                                                              "",
		"<presence to='r@c.test/nick'><x xmlns='http://jabber.org/protocol/muc'/></presence>":                                                                                               "",
		"<message xmlns='jabber:client' to='b@b.test' words='x'><body xml:lang='en'>words</body></message>":                                                                                 "",
	} {
		if want == "" {
			want = stanza
		}
		r := Stanza(stanza, policy.LevelTor)
		if d := policy.Wire(policy.WireFacts{Level: policy.LevelTor, Content: r.Content, RequireVerified: policy.No}); d.Verdict != policy.Allow || r.Text != want {
			t.Errorf("%s goes as %s, %v", stanza, r.Text, d)
		}
	}
	for _, stanza := range []string{
		"<iq type='result' id='1' to='b@b.test/x'><time xmlns='urn:xmpp:time'><tzo>+01:00</tzo></time></iq>",
		"<iq type='set' id='1' to='b@b.test/x'><si xmlns='http://jabber.org/protocol/si'/></iq>",
		"<iq type='set' id='1' to='b@b.test/x'><jingle xmlns='urn:xmpp:jingle:1'/></iq>",
		"<iq type='get' id='1'><query xmlns='google:jingleinfo'/></iq>",
	} {
		r := Stanza(stanza, policy.LevelTor)
		if d := policy.Wire(policy.WireFacts{Level: policy.LevelTor, Content: r.Content, RequireVerified: policy.No}); d.Verdict != policy.Block {
			t.Errorf("%s: %v", stanza, d)
		}
	}
	for line, content := range map[string]policy.Content{
		"PRIVMSG bob :hello\r\n": policy.ContentReadable, "PRIVMSG bob :\x01ACTION waves\x01\r\n": policy.ContentReadable,
		"NOTICE bob :\x01PING 1\x01\r\n": policy.ContentPersonal, "PRIVMSG bob :\x01DCC CHAT chat 1 2\x01\r\n": policy.ContentPeer,
	} {
		if r := IRC(line, policy.LevelTor); r.Content != content || content == policy.ContentReadable && r.Text != line {
			t.Errorf("%q: %+v", line, r)
		}
	}
}

func TestArrived(t *testing.T) {
	for _, c := range []struct {
		stanza  string
		content policy.Content
		text    string
	}{
		{"<iq type='get' from='e@e.test/x' id='q&apos;1' to='a@a.test/y'><query xmlns='jabber:iq:version'/></iq>", policy.ContentPersonal, ""},
		{"<iq type='get' from='e@e.test/x' id='1'><time xmlns='urn:xmpp:time'/></iq>", policy.ContentPersonal, ""},
		{"<iq type='get' from='e@e.test/x' id='1'><query xmlns='http://jabber.org/protocol/disco#info' node='x'/></iq>", policy.ContentPersonal, ""},
		{"<iq type='set' from='e@e.test/x' id='1'><si xmlns='http://jabber.org/protocol/si' profile='x'/></iq>", policy.ContentPeer, ""},
		{"<iq type='set' from='e@e.test/x' id='1'><jingle xmlns='urn:xmpp:jingle:1'/></iq>", policy.ContentPeer, ""},
		{"<iq type='set' from='e@e.test/x' id='1'><query xmlns='jabber:iq:oob'><url>http://e.test/</url></query></iq>", policy.ContentPeer, ""},
		{"<iq type='get' from='a.test' id='1'><ping xmlns='urn:xmpp:ping'/></iq>", policy.ContentOther, ""},
		{"<iq type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='b@b.test'/></query></iq>", policy.ContentOther, ""},
		{"<iq type='result' from='a.test' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>", policy.ContentOther, ""},
		{"<message from='e@e.test' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'><item><metadata xmlns='urn:xmpp:avatar:metadata'><info id='x' type='image/png' url='http://203.0.113.9/a.png' bytes='1'/></metadata></item></items></event></message>",
			policy.ContentOther, "<message from='e@e.test' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='urn:xmpp:avatar:metadata'><item><metadata xmlns='urn:xmpp:avatar:metadata'><info id='x' type='image/png' bytes='1'/></metadata></item></items></event></message>"},
		{"<message from='e@e.test'><body>words</body></message>", policy.ContentOther, ""},
		{"<message from='e@e.test'><a:metadata xmlns:a='urn:xmpp:avatar:metadata' xmlns:b='c'><b:info id='x' b:url='http://203.0.113.9/a.png'/></a:metadata></message>",
			policy.ContentOther, "<message from='e@e.test'><a:metadata xmlns:a='urn:xmpp:avatar:metadata' xmlns:b='c'><b:info id='x'/></a:metadata></message>"},
		{"<message><x url='http://a.test/'/></message>", policy.ContentOther, ""},
		{"<message id='1'/>", policy.ContentOther, ""},
		{"<message><info:info url='http://a.test/'/>" + strings.Repeat("<a>", 50) + "x" + strings.Repeat("</a>", 50) + "</message>", policy.ContentOther,
			"<message><info:info/>" + strings.Repeat("<a>", 50) + "x" + strings.Repeat("</a>", 50) + "</message>"},
	} {
		got := ArrivedStanza(c.stanza)
		want := c.text
		if want == "" {
			want = c.stanza
		}
		if got.Content != c.content || got.Text != want {
			t.Errorf("%s: %d %s", c.stanza, got.Content, got.Text)
		}
		if c.content != policy.ContentOther {
			again, err := parseElement(got.Refusal)
			if err != nil || !strings.Contains(got.Refusal, "service-unavailable") {
				t.Fatalf("%s is refused by %s", c.stanza, got.Refusal)
			}
			before, _ := parseElement(c.stanza)
			id, _ := before.attr("id")
			if back, _ := again.attr("id"); back != id || Stanza(got.Refusal, policy.LevelSecret).Content != policy.ContentOther {
				t.Errorf("%s is refused by %s", c.stanza, got.Refusal)
			}
		}
	}
	for _, text := range []string{"<iq", "<message><info", "<messages/><x", "<iq type='get'><query xmlns='jabber:iq:version'/>" + strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100) + "</iq>"} {
		if got := ArrivedStanza(text); policy.Incoming(policy.LevelTor, got.Content).Verdict != policy.Block {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for line, want := range map[string]struct {
		content policy.Content
		text    string
	}{
		":e!x@y PRIVMSG a :\x01VERSION\x01\r\n":                          {policy.ContentPersonal, ":e!x@y PRIVMSG a : VERSION \r\n"},
		":e!x@y PRIVMSG a :\x01DCC SEND f 1 2 3\x01\r\n":                 {policy.ContentPeer, ":e!x@y PRIVMSG a : DCC SEND f 1 2 3 \r\n"},
		":e!x@y PRIVMSG a :\x01ACTION waves\x01\r\n":                     {policy.ContentOther, ":e!x@y PRIVMSG a :\x01ACTION waves\x01\r\n"},
		":e!x@y PRIVMSG a :\x01ACTION a\x01\x01DCC SEND f 1 2 3\x01\r\n": {policy.ContentPeer, ":e!x@y PRIVMSG a : ACTION a  DCC SEND f 1 2 3 \r\n"},
		":e!x@y PRIVMSG a :hi\r\n":                                       {policy.ContentOther, ":e!x@y PRIVMSG a :hi\r\n"},
	} {
		if got := ArrivedIRC(line); got.Content != want.content || got.Text != want.text {
			t.Errorf("%q: %+v", line, got)
		}
	}
}

// An answer about devices becomes the event that lurch listens for, made of
// numbers alone; what is no such answer stays as it is.
func TestDevices(t *testing.T) {
	answer := func(node, items string) string {
		return "<iq type='result' id='purple1' from='b@b.test' to='a@a.test/x' words='x'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='" +
			node + "'>" + items + "</items></pubsub></iq>"
	}
	node := "eu.siacs.conversations.axolotl.devicelist"
	got := ArrivedStanza(answer(node, "<item id='current' publisher='words'>"+deviceList+"</item>"))
	want := "<message type='headline' from='b@b.test'><event xmlns='http://jabber.org/protocol/pubsub#event'><items node='" + node + "'><item>" + deviceList + "</item></items></event></message>"
	if got.Devices == nil || *got.Devices != (Devices{"purple1", "b@b.test", want}) {
		t.Errorf("an answer: %+v", got.Devices)
	}
	for _, other := range []string{
		answer("eu.siacs.conversations.axolotl.bundles:12", "<item>"+keyBundle+"</item>"), answer(node, ""), answer(node, "<item/>"),
		answer(node, "<item>"+strings.Replace(deviceList, "'34'", "'words'", 1)+"</item>"),
		strings.Replace(answer(node, "<item>"+deviceList+"</item>"), "'result'", "'set'", 1),
		"<iq type='result' id='purple1'/>",
	} {
		if got := ArrivedStanza(other); got.Devices != nil || got.Text != other {
			t.Errorf("%s: %+v", other, got)
		}
	}
}

// Of a message that lurch decrypted the body alone is what the buddy wrote.
func TestArrivedOMEMO(t *testing.T) {
	const head = "<message type='chat' from='b@b.test/x' id='1'>"
	const out = "<message type='chat' from='b@b.test/x' id='1' xmlns='jabber:client'>"
	for got, want := range map[string]string{
		head + "<body>true</body><store xmlns='urn:xmpp:hints'/></message>":                                                                                                                      out + "<body>true</body></message>",
		head + "<html xmlns='http://jabber.org/protocol/xhtml-im'><body xmlns='http://www.w3.org/1999/xhtml'>forged</body></html><body>true</body></message>":                                    out + "<body>true</body></message>",
		head + "<subject>forged</subject><x xmlns='jabber:x:oob'><url>http://e.test/</url></x><body>true</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'>why</delay></message>": out + "<body>true</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'>why</delay></message>",
		head + "</message>": out[:len(out)-1] + "/>",
	} {
		if a := ArrivedOMEMO(got); a.Content != policy.ContentOther || a.Text != want {
			t.Errorf("%s: %+v", got, a)
		}
	}
	for _, text := range []string{head + "<body>forged</body><body>true</body></message>", head + "<body xmlns='words'>forged</body><body>true</body></message>", "<iq/>", "<message"} {
		if a := ArrivedOMEMO(text); policy.Incoming(policy.LevelSecret, a.Content).Verdict != policy.Block {
			t.Errorf("%s: %+v", text, a)
		}
	}
}
