package postgres_test

import (
	"os"
	"testing"

	"hotdrop/core/storetest"
)

func TestEveryStatementNamesTheBrand(t *testing.T) {
	storetest.CheckBrands(t, os.DirFS("migrations"), os.DirFS("queries"))
}
