package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"hotdrop/api"
	"hotdrop/core"
)

const (
	// demoKeysFile is where demo mode keeps its keys, inside the data folder.
	demoKeysFile = "demo-keys.json"
	// demoTokenLifetime is how long the token in the banner's curl works.
	demoTokenLifetime = 30 * 24 * time.Hour
)

// loadOrMakeKeys reads the keys file, or makes it with keys of every role and of the brands. A file that an earlier release
// made is completed if complete says so.
func loadOrMakeKeys(path string, brands []string, complete bool) (*api.Keys, error) {
	keys, err := api.LoadKeys(path)
	if err == nil && complete && keys.Complete() {
		err = keys.Save(path)
		return keys, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys = api.NewDemoKeys(brands...)
	if err := keys.Save(path); err != nil {
		return nil, err
	}
	return keys, nil
}

// keyOf returns the first key of the role that is there in the clear, or "".
func keyOf(keys *api.Keys, role core.Role) string {
	for _, staff := range keys.Staff {
		if staff.Role == role && staff.Key != "" {
			return staff.Key
		}
	}
	return ""
}

func keysCommand() *cobra.Command {
	group := &cobra.Command{Use: "keys", Short: "Make the keys of staff: the file that serve --keys reads, and those of a running server"}
	group.AddCommand(newKeysCommand(), listKeysCommand(), createKeyCommand(), rotateKeyCommand(), revokeKeyCommand(), signKeysCommand(),
		signingKeysCommand(), tokenKeysCommand())
	return group
}

func newKeysCommand() *cobra.Command {
	var brands []string
	ttl := lifetime(core.DefaultStaffKeyTTL)
	cmd := &cobra.Command{
		Use:   "new FILE",
		Short: "Make a keys file: a token secret, an API key for each staff role and brand, a secret for social events",
		Long: "Make a keys file for serve --keys, readable for its owner only: a token secret, an API key for each staff\n" +
			"role and each --brand, and the secret with which the social platform weibo signs what it reports. The API keys\n" +
			"stand in it in the clear: hand them out, then delete the lines \"key\": a server needs their digests only.\n" +
			"Further social sources are further entries of \"social\". An existing file is never overwritten.\n\n" +
			"Each API key names its person (\"person\", else its \"id\") and when it ends (\"expires_at\"). They are for the first\n" +
			"hour: with the administrator's, give everybody a key of their own (see `hotdrop keys create`), then take the others out.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmp.Or(ttl.checkKeys(), checkBrands(brands)); err != nil {
				return err
			}
			if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(fmt.Errorf("%s is there already", args[0]), err)
			}
			keys := api.NewKeys(brands...)
			keys.ExpireStaff(time.Now().Add(time.Duration(ttl)))
			if err := keys.Save(args[0]); err != nil {
				return err
			}
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "wrote a token secret, %d API keys and the secret of %d social source to %s\n"+
				"next: `hotdrop serve --keys %s`; a key for each person with `hotdrop keys create`, by the administrator's;\n"+
				"a token to try things out as a shopper with `hotdrop keys token %s SHOPPER`\n",
				len(keys.Staff), len(keys.Social), args[0], args[0], args[0])
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&brands, "brand", nil, "a brand that gets a key of its own (repeatable)")
	ttl.registerKeys(cmd)
	return cmd
}

// checkBrands refuses what is no name of a brand.
func checkBrands(brands []string) error {
	for _, brand := range brands {
		if !core.ValidCampaignID(brand) {
			return usageError{fmt.Errorf("--brand %q: a brand has 1 to 63 lower-case letters, digits and hyphens", brand)}
		}
	}
	return nil
}
