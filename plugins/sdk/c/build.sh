#!/bin/sh
# Builds a plugin written in C with clang and lld, of any version.
#
#   build.sh                        the plugin of this folder, NAME.c to NAME.wasm; mechanic.yaml says its name
#   build.sh SOURCE.c TARGET.wasm
#   build.sh --check                prints the toolchain's version, or what is missing, and exits 69
#
# The same version writes the same bytes on every machine: nothing of the path, the time or the compiler's build is in them
# (--strip-all drops the producers section and the names).
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# tool NAME prints NAME-14, the version that hotdrop's own plugins are built with, or NAME.
tool() { command -v "$1-14" || command -v "$1"; }

if ! clang=$(tool clang) || ! linker=$(tool wasm-ld); then
	echo "a plugin in C needs clang and lld; on Debian or Ubuntu: sudo apt-get install clang lld" >&2
	exit 69
fi
case ${1:-} in
--check)
	echo "clang $("$clang" --version | sed -n 's/.*clang version \([0-9]*\).*/\1/p')" \
		"lld $("$linker" --version | sed -n 's/.*LLD \([0-9]*\).*/\1/p')"
	exit
	;;
"")
	name=$(sed -n 's/^name: *//p' "$here/mechanic.yaml")
	set -- "$here/$name.c" "$here/$name.wasm"
	;;
esac

object=$(mktemp)
trap 'rm -f "$object"' EXIT
# Two steps, because clang that finds binaryen's wasm-opt would run it over the linked module.
"$clang" --target=wasm32 -O2 -mbulk-memory -mmutable-globals -nostdlib -ffreestanding -fno-builtin -Wall -Wextra -Werror \
	-I"$here" -c "$1" -o "$object"
"$linker" --no-entry -z stack-size=8192 --stack-first --strip-all "$object" -o "$2"
chmod 644 "$2"
