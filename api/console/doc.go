// Package console is where staff sign in with a browser: OpenID Connect (authorization code with PKCE) at the deployment's
// identity provider, a role by the rules of the keys file, and a session that is a cookie. The session itself is a
// [core.StaffKey] like an API key is, so it is listed and revoked like one.
package console
