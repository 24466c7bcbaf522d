// SPDX-License-Identifier: GPL-3.0-or-later

package engine

import (
	"slices"
	"testing"
)

func TestLink(t *testing.T) {
	const browser = "/opt/tor-browser/Browser/start-tor-browser"
	found := browser
	with := func(change func(*Parts)) *world {
		return newWorld(func(p *Parts) {
			p.TorBrowser = func() string { return found }
			p.Config.TorBrowser = true
			if change != nil {
				change(p)
			}
		})
	}
	e := with(nil)
	for link, opened := range map[string]bool{
		"https://a.test/x?y=z&w#f": true, "http://a.test": true, "http://[::1]:8080/": true, "https://ü.test/%20": true,
		"": false, "file:///etc/passwd": false, "mailto:a@a.test": false, "--help": false, "https://": false, "a.test": false,
		"https://a.test/ --option": false, "https://a.test/\n": false, "https://u:p@a.test/": false, "javascript:alert(1)": false, "https://a.test/`x`": false,
	} {
		program, told := e.Link(link)
		if told == "" || opened != slices.Equal(program, []string{browser, link}) || !opened && program != nil {
			t.Errorf("%q: %q, %q", link, program, told)
		}
	}
	found = ""
	if program, _ := e.Link("https://a.test/"); program != nil {
		t.Errorf("no Tor Browser: %q", program)
	}
	found = browser
	for name, change := range map[string]func(*Parts){
		"never":                  func(p *Parts) { p.Config.TorBrowser = false },
		"a broken configuration": func(p *Parts) { p.ConfigRead = false },
	} {
		if program, _ := with(change).Link("https://a.test/"); program != nil {
			t.Errorf("%s: %q", name, program)
		}
	}
}
