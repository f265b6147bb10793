package plugins_test

import (
	"testing"

	"hotdrop/plugins/abi"
	"hotdrop/plugins/wasm"
)

// TestDecoderAndABICallThingsByTheSameNames compares what is written down twice because package wasm imports nothing of
// hotdrop's: the decoder's codes are the ABI's, and so is the prefix of the host's own exports.
func TestDecoderAndABICallThingsByTheSameNames(t *testing.T) {
	for theirs, ours := range map[string]string{
		wasm.CodeDecode: abi.CodeDecode, wasm.CodeTooLarge: abi.CodeModuleTooLarge, wasm.CodeMemory: abi.CodeMemoryLimit,
		wasm.CodeUnsupported: abi.CodeUnsupported, wasm.CodeImport: abi.CodeImportRefused, wasm.Reserved: abi.ReservedPrefix,
	} {
		if theirs != ours {
			t.Errorf("the decoder says %s, the ABI %s", theirs, ours)
		}
	}
}
