SELECT kind, bytes FROM artefacts WHERE digest = $1
