package identity

import (
	"testing"
)

// BenchmarkVerify compares what a request pays for a token that is new, and for one that was seen within the last minute.
func BenchmarkVerify(b *testing.B) {
	for _, one := range []struct{ algorithm, kind string }{{"ES256", "p256"}, {"RS256", "rsa"}, {"EdDSA", "ed"}} {
		c, key := newClock(), newSigner("k1", one.algorithm, one.kind)
		issuers := newIssuers(b, c, newKeyServer(b, key).URL, one.algorithm)
		token := key.sign(b, claimsOf(c, nil), nil)
		for _, remembers := range []bool{false, true} {
			name := one.algorithm + "/new"
			if remembers {
				name = one.algorithm + "/remembered"
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if !remembers {
						forget(issuers.known)
					}
					if _, err := issuers.Verify(b.Context(), token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// forget empties a memory.
func forget(m *memory) {
	for i := range m.shards {
		clear(m.shards[i].young)
	}
}
