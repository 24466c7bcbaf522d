// SPDX-License-Identifier: GPL-3.0-or-later

package wire

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"

	"purpleonion.org/purple-onion/helper/internal/policy"
)

// fallbacks are the bodies that go beside OMEMO, for programs that do not
// know it: libomemo's, and the one of XEP-0384's first drafts. lurch 0.7.0 has
// libomemo write none.
var fallbacks = []string{
	"You received an OMEMO encrypted message, but your client does not support it.",
	"I sent you an OMEMO encrypted message but your client doesn’t seem to support that. Find more information on https://conversations.im/omemo",
}

var number = regexp.MustCompile(`^[0-9]{1,10}$`)

// omemoOnly checks XEP-0384's (0.3) structure, so that all that is said is
// numbers, keys and one payload.
func (p parts) omemoOnly() bool {
	if p.loose || len(p.omemo) != 1 || len(p.chat)+len(p.unknown) > 0 || len(p.bodies) > 1 {
		return false
	}
	for _, body := range p.bodies {
		if text, ok := body.text(); !ok || !slices.Contains(fallbacks, text) || !body.onlyAttrs("xmlns") {
			return false
		}
	}
	inner, loose := p.omemo[0].elements()
	if loose || !p.omemo[0].onlyAttrs("xmlns") || len(inner) != 2 || inner[0].name != "header" || inner[1].name != "payload" {
		return false
	}
	payload := sealed(inner[1])
	return omemoHeader(inner[0]) && len(payload) > 0 && len(payload) <= 1<<20
}

func omemoHeader(e *element) bool {
	sid, _ := e.attr("sid")
	children, loose := e.elements()
	if loose || !number.MatchString(sid) || !e.onlyAttrs("sid", "xmlns") || e.ns != axolotl {
		return false
	}
	ivs := 0
	for _, c := range children {
		rid, _ := c.attr("rid")
		prekey, _ := c.attr("prekey")
		switch {
		case c.name == "iv" && c.onlyAttrs("xmlns") && slices.Contains([]int{12, 16}, len(sealed(c))):
			ivs++
		case c.name == "key" && number.MatchString(rid) && slices.Contains([]string{"", "1", "0", "true", "false"}, prekey) &&
			c.onlyAttrs("rid", "prekey", "xmlns") && ratchet(sealed(c)):
		default:
			return false
		}
	}
	return ivs == 1 && len(children) > 1
}

// ratchet says whether bytes can be a message of the double ratchet, version 3
// (its first byte says so twice), in which the payload's key goes to a device.
func ratchet(b []byte) bool { return len(b) >= 64 && len(b) <= 4096 && b[0] == 0x33 }

// sealed gives the bytes of an element of OMEMO that holds base64 in its one
// canonical form and nothing else; nil otherwise.
func sealed(e *element) []byte {
	text, ok := e.text()
	if !ok || e.ns != axolotl {
		return nil
	}
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil
	}
	return b
}

const (
	devicesNode = axolotl + ".devicelist"
	bundleNode  = axolotl + ".bundles:" // and the device's number
)

// omemoPublish says whether a pubsub element publishes OMEMO's public keys or
// the list of devices, and nothing else (XEP-0384 0.3, sections 4.3 and 4.4).
func omemoPublish(e *element) bool {
	publish := e.only("publish", pubsub)
	if e.ns != pubsub || !e.onlyAttrs("xmlns") || publish == nil || !publish.onlyAttrs("node", "xmlns") {
		return false
	}
	item := publish.only("item", pubsub)
	if item == nil || !item.onlyAttrs("id", "xmlns") {
		return false
	}
	node, _ := publish.attr("node")
	id, _ := item.attr("id")
	device, isBundle := strings.CutPrefix(node, bundleNode)
	switch {
	case !plainID.MatchString(id):
		return false
	case node == devicesNode:
		_, ok := devicesOf(item)
		return ok
	case isBundle && number.MatchString(device):
		return bundle(item.only("bundle", axolotl))
	}
	return false
}

// only gives e's one child, where it has that name; nil otherwise.
func (e *element) only(name, ns string) *element {
	children, loose := e.elements()
	if loose || len(children) != 1 || children[0].name != name || children[0].ns != ns {
		return nil
	}
	return children[0]
}

// devicesOf gives the numbers of the devices in an item; ok is false where it
// says anything else.
func devicesOf(item *element) (devices []string, ok bool) {
	list := item.only("list", axolotl)
	if list == nil || !list.onlyAttrs("xmlns") {
		return nil, false
	}
	children, loose := list.elements()
	for _, c := range children {
		id, _ := c.attr("id")
		if c.name != "device" || c.ns != axolotl || len(c.children) > 0 || !c.onlyAttrs("id", "xmlns") || !number.MatchString(id) {
			return nil, false
		}
		devices = append(devices, id)
	}
	return devices, !loose
}

// bundleParts are the parts of a bundle: the attribute of each, and what its
// bytes are.
var bundleParts = map[string]struct {
	id string
	is func([]byte) bool
}{
	"signedPreKeyPublic":    {"signedPreKeyId", curvePoint},
	"signedPreKeySignature": {"", func(b []byte) bool { return len(b) == 64 }},
	"identityKey":           {"", curvePoint},
	"preKeyPublic":          {"preKeyId", curvePoint},
}

// curvePoint is a public key of Curve25519 behind the number of its kind.
func curvePoint(b []byte) bool { return len(b) == 33 && b[0] == 5 }

func bundle(e *element) bool {
	if e == nil || !e.onlyAttrs("xmlns") {
		return false
	}
	children, loose := e.elements()
	for _, c := range children {
		if c.name == "prekeys" && c.onlyAttrs("xmlns") {
			keys, looseKeys := c.elements()
			loose = loose || looseKeys || slices.ContainsFunc(keys, func(k *element) bool { return !bundlePart(k) })
		} else if !bundlePart(c) {
			return false
		}
	}
	return !loose && len(children) > 0
}

func bundlePart(e *element) bool {
	part, known := bundleParts[e.name]
	id, found := e.attr(part.id)
	return known && e.onlyAttrs(part.id, "xmlns") && found == (part.id != "") && (!found || number.MatchString(id)) && part.is(sealed(e))
}

// beside are what may stand beside a decrypted body: when it was sent.
var beside = []string{"urn:xmpp:delay", "jabber:x:delay"} // XEP-0203, XEP-0091

// ArrivedOMEMO reads a message that lurch decrypted. Only the body was sealed:
// whatever else stands in it, such as XHTML, which libpurple would rather show,
// anybody on the way may have written. It is left out; of two bodies nobody
// could tell which it was.
func ArrivedOMEMO(text string) Arrival {
	e, err := parseElement(text)
	if err != nil || e.name != "message" {
		return Arrival{}
	}
	if e.ns == "" {
		e.ns = client
	}
	inherit(e, client)
	e.drop("xmlns")
	e.set("xmlns", client) // libpurple reads no body without it
	bodies := 0
	children, _ := e.elements()
	e.children = nil
	for _, c := range children {
		if local(c.name) == "body" {
			bodies++
		} else if !slices.Contains(beside, c.ns) {
			continue
		}
		e.children = append(e.children, c)
	}
	if bodies > 1 {
		return Arrival{}
	}
	return Arrival{Content: policy.ContentOther, Text: e.String()}
}

// DevicesQuestion asks a buddy's server for the list of the buddy's OMEMO
// devices (XEP-0060, 6.5.7). id is the stanza's.
func DevicesQuestion(buddy, id string) string {
	items := &element{name: "items"}
	items.set("node", devicesNode)
	items.set("max_items", "1")
	question := &element{name: "pubsub", children: []any{items}}
	question.set("xmlns", pubsub)
	iq := &element{name: "iq", children: []any{question}}
	iq.set("type", "get")
	iq.set("id", id)
	iq.set("to", buddy)
	return iq.String()
}

// Devices is a server's answer to a DevicesQuestion. Event is the same as the
// server tells those who listen (XEP-0163), made of the numbers alone.
type Devices struct{ ID, From, Event string }

// devicesAnswer reads an answer; nil: it is none.
func devicesAnswer(e *element) *Devices {
	kind, _ := e.attr("type")
	answer := e.only("pubsub", pubsub)
	if kind != "result" || answer == nil {
		return nil
	}
	items := answer.only("items", pubsub)
	if items == nil {
		return nil
	}
	if node, _ := items.attr("node"); node != devicesNode {
		return nil
	}
	item := items.only("item", pubsub)
	if item == nil {
		return nil
	}
	devices, ok := devicesOf(item)
	if !ok {
		return nil
	}
	d := &Devices{}
	d.ID, _ = e.attr("id")
	d.From, _ = e.attr("from")
	d.Event = devicesEvent(d.From, devices)
	return d
}

func devicesEvent(from string, devices []string) string {
	list := &element{name: "list"}
	list.set("xmlns", axolotl)
	for _, id := range devices {
		device := &element{name: "device"}
		device.set("id", id)
		list.children = append(list.children, device)
	}
	item := &element{name: "item", children: []any{list}}
	items := &element{name: "items", children: []any{item}}
	items.set("node", devicesNode)
	event := &element{name: "event", children: []any{items}}
	event.set("xmlns", pubsub+"#event")
	message := &element{name: "message", children: []any{event}}
	message.set("type", "headline")
	message.set("from", from)
	return message.String()
}
