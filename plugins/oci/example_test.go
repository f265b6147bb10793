package oci_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"hotdrop/plugins/oci"
)

// A packed module is written to a layout on disk and read again. With HOST/REPOSITORY:TAG in place of oci:FOLDER:TAG the same
// goes to a registry.
func ExamplePush() {
	folder, err := os.MkdirTemp("", "layout")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }() // it was only to be read once
	place, err := oci.ParsePlace("oci:"+filepath.Join(folder, "plugins")+":1.0.0", oci.Access{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := oci.Push(context.Background(), place, &oci.Artifact{Module: []byte("packed"), Name: "trade-in", Version: "1.0.0"}); err != nil {
		fmt.Println(err)
		return
	}
	read, err := oci.Pull(context.Background(), place)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(read.Name, read.Version, string(read.Module))
	// Output: trade-in 1.0.0 packed
}
