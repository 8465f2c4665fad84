#!/bin/sh
# Fetches the SQL of PostgreSQL's regression tests (Debian's source package) into .build/postgres-regress, where
# SQLTextTests look for it. The corpus is not ours to commit; without it those tests are skipped.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target="$root/.build/postgres-regress"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$target"
echo 'deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main' \
    > "$work/sources.list"
set -- -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root
cd "$work"
apt-get "$@" update
apt-get "$@" source --download-only postgresql-15
tar xjf postgresql-15_*.orig.tar.bz2 --wildcards '*/src/test/regress/sql/*.sql' '*/contrib/*/sql/*.sql'
find . -name '*.sql' | while read -r file; do
    cp "$file" "$target/$(echo "$file" | sed 's|^\./[^/]*/||; s|/|_|g')"
done
ls "$target" | wc -l
