#!/bin/sh
# Rebuilds the module of every plugin in this folder with its SDK's recipe.
#
#   build.sh [DIR]
#
# DIR gets NAME.wasm of each plugin instead of the plugins' own folders.
set -eu

out=
if [ $# -gt 0 ]; then
	out=$(cd "$1" && pwd)
fi
cd "$(dirname "$0")"
for source in */*.c; do
	name=${source%%/*}
	../sdk/c/build.sh "$source" "${out:-$name}/$name.wasm"
done
