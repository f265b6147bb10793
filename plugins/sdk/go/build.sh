#!/bin/sh
# Builds a plugin written in Go with Go 1.26 or later.
#
#   build.sh                        the plugin of this folder to NAME.wasm; mechanic.yaml says its name
#   build.sh FOLDER TARGET.wasm
#   build.sh --check                prints the toolchain's version, or what is missing, and exits 69
#
# The same version of Go writes the same bytes on every machine: -trimpath and an empty build id leave no path in them.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

if ! command -v go >/dev/null; then
	echo "a plugin in Go needs Go 1.26: see https://go.dev/doc/install; on Debian or Ubuntu: sudo apt-get install golang" >&2
	exit 69
fi
case ${1:-} in
--check)
	go env GOVERSION
	exit
	;;
"") set -- "$here" "$here/$(sed -n 's/^name: *//p' "$here/mechanic.yaml").wasm" ;;
esac

folder=$(dirname "$2")
target=$(cd "$folder" && pwd)/$(basename "$2")
cd "$1"
CGO_ENABLED=0 GOFLAGS= GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -trimpath -buildvcs=false -ldflags="-s -w -buildid=" -o "$target" .
chmod 644 "$target"
