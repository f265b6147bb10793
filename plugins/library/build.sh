#!/bin/sh
# Rebuilds the modules of the plugins in this folder, each from the source in its language with that SDK's recipe.
#
#   build.sh        all whose toolchain is here, in the very version that the file toolchains names
#
# Another version writes other bytes, so without that one a module stays as it is, with a word about it; that is a failure
# if HOTDROP_REQUIRE names the toolchain. Go is not asked for, since whoever builds hotdrop has one, of whatever version.
set -eu
cd "$(dirname "$0")"

# pinned LANGUAGE SWITCH reports whether the language's toolchain is the one that the modules are built with.
pinned() {
	wanted=$(sed -n "s/^$1 //p" toolchains)
	if found=$("../sdk/$1/build.sh" --check 2>&1) && [ "$found" = "$wanted" ]; then
		return 0
	fi
	echo "NOT BUILT: the modules from $1: they want $wanted; $found" >&2
	case ",${HOTDROP_REQUIRE:-}," in *,"$2",*) exit 1 ;; esac
	return 1
}

# build LANGUAGE SOURCE TARGET
build() {
	echo "$3"
	"../sdk/$1/build.sh" "$2" "$3"
}

if pinned c clang; then
	for source in */*.c; do build c "$source" "${source%.c}.wasm"; done
fi
if pinned go go; then
	for folder in */go; do build go "$folder" "$folder/${folder%%/*}.wasm"; done
fi
if pinned rust rust; then
	for source in */rust/*.rs; do build rust "$source" "${source%.rs}.wasm"; done
fi
if pinned assemblyscript assemblyscript; then
	for source in */assemblyscript/*.ts; do build assemblyscript "$source" "${source%.ts}.wasm"; done
fi
