#!/bin/sh
# Builds a plugin written in AssemblyScript with asc of the version in package.json, which npm fetches at the first build.
#
#   build.sh                        the plugin of this folder, NAME.ts to NAME.wasm; mechanic.yaml says its name
#   build.sh SOURCE.ts TARGET.wasm
#   build.sh --check                prints the toolchain's version, or what is missing, and exits 69
#
# The same version of asc writes the same bytes on every machine.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
asc=$here/node_modules/.bin/asc

if [ ! -x "$asc" ] && ! command -v npm >/dev/null; then
	echo "a plugin in AssemblyScript needs Node 20 and npm: see https://nodejs.org;" \
		"on Debian or Ubuntu: sudo apt-get install nodejs npm" >&2
	exit 69
fi
case ${1:-} in
--check)
	if [ -x "$asc" ]; then "$asc" --version | sed 's/Version/asc/'; else echo "npm $(npm --version)"; fi
	exit
	;;
"")
	name=$(sed -n 's/^name: *//p' "$here/mechanic.yaml")
	set -- "$here/$name.ts" "$here/$name.wasm"
	;;
esac
if [ ! -x "$asc" ]; then
	(cd "$here" && npm ci --no-audit --no-fund)
fi

folder=$(dirname "$2")
target=$(cd "$folder" && pwd)/$(basename "$2")
cd "$(dirname "$1")"
"$asc" "$(basename "$1")" -O3 --runtime stub --use abort=hotdrop_abort --exportStart _initialize -o "$target"
chmod 644 "$target"
