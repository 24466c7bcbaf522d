// SPDX-License-Identifier: GPL-3.0-or-later

//go:build !sabotage

package policy

func overTor(tor TorState, iso Isolation, requireProven Answer) Decision {
	switch tor {
	case TorReady:
	case TorAbsent:
		return block(ReasonNoTor)
	case TorStarting:
		return block(ReasonTorStarting)
	case TorDead:
		return block(ReasonTorDead)
	case TorNotTor:
		return block(ReasonNotTor)
	case TorNotAsked:
		return block(ReasonFactMissing)
	default:
		return block(ReasonFactMissing)
	}
	switch iso {
	case IsolationProven:
		return allow("")
	case IsolationUnknown:
		if requireProven != No {
			return block(ReasonIsolationNotProven)
		}
		return allow(ReasonIsolationNotProven)
	case IsolationOff:
		return block(ReasonIsolationOff)
	case IsolationNotAsked:
	}
	return block(ReasonFactMissing)
}
