//go:build tools

// Package tools pins the programs that the end-to-end tests run and that we do not write ourselves.
// `script/bootstrap test` builds them from here, so that go.sum vouches for every byte of their source.
package tools

import _ "github.com/centrifugal/centrifugo/v5"
