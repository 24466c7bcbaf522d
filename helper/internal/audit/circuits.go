// SPDX-License-Identifier: GPL-3.0-or-later

package audit

// ride is what decides which of Tor's circuits a stream takes: equal rides
// share one. All names and addresses of this machine are the same Tor.
type ride struct {
	host           string
	port           int
	user, password string
}

func rideOf(p Proxy) ride {
	r := ride{p.Host, p.Port, p.user, p.password.Reveal()}
	if loopback(p.Host) {
		r.host = "127.0.0.1"
	}
	return r
}

// rides groups the accounts of these directories that dial a proxy.
func rides(dirs []*userDir) map[ride][]*account {
	groups := map[ride][]*account{}
	for _, d := range dirs {
		for _, x := range d.accounts {
			if x.proxy.dialled() {
				r := rideOf(x.proxy)
				groups[r] = append(groups[r], x)
			}
		}
	}
	return groups
}

func (a *auditor) shareCredentials() {
	for _, group := range rides(a.dirs) {
		for _, x := range group {
			x.shared = len(group) > 1
		}
	}
}

func (x *account) credentials() string {
	switch {
	case x.shared:
		return "shared"
	case !x.proxy.dialled() || x.proxy.user == "" && x.proxy.password.Empty():
		return "none"
	}
	return "own"
}

// circuitShared gives a finding for each circuit, since each is its own cause.
// Protected accounts get new credentials at each sign-on.
func (a *auditor) circuitShared(d *userDir) {
	done := map[ride]bool{}
	for _, x := range d.accounts {
		r := rideOf(x.proxy)
		if !a.sharesCircuit(x) || done[r] {
			continue
		}
		done[r] = true
		var subjects []*account
		for _, y := range d.accounts {
			if a.sharesCircuit(y) && rideOf(y.proxy) == r {
				subjects = append(subjects, y)
			}
		}
		how := "the same proxy user name and password"
		if r.user == "" && r.password == "" {
			how = "no proxy user name"
		}
		text := count(len(subjects), "account has", "accounts have") + " " + how + " at the Tor port"
		if len(subjects) == 1 {
			text += ", as an account of another user directory has"
		}
		a.find("circuit-shared", d, subjects, text)
	}
}

func (a *auditor) sharesCircuit(x *account) bool {
	return x.shared && x.torPort && !x.protected() && !x.broken
}
