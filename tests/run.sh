#!/usr/bin/env bash
# Passes all checks and tests. Installs and starts what they need (as root, on Debian), stops what
# it started. Needs: Rust with cargo, Python 3.9 or newer with pip and venv.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TERM_COLOR=never DEBIAN_FRONTEND=noninteractive
[ "${CI:-}" = true ] && export CARGO_INCREMENTAL=0
# A test that cannot meet the real thing fails instead of being skipped.
export LEOSCOPE_TEST_REQUIRE=docker
started=$SECONDS
work=$(mktemp -d)
dockerd_pid=

step() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }
fail() { printf 'error: %s\n' "$1" >&2; exit 1; }
clean_up() {
    if [ -n "$dockerd_pid" ]; then
        kill "$dockerd_pid" 2>/dev/null || true
        wait "$dockerd_pid" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap clean_up EXIT

have() { command -v "$1" >/dev/null 2>&1; }

install_missing() {
    local missing=()
    have dockerd || missing+=(docker.io)
    [ -x /bin/busybox ] || missing+=(busybox-static)
    [ ${#missing[@]} -eq 0 ] && return
    [ "$(id -u)" = 0 ] && have apt-get || fail "install these packages first: ${missing[*]}"
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$work/apt.log" 2>&1 \
        || { tail -20 "$work/apt.log" >&2; fail "cannot install ${missing[*]}"; }
}

docker_answers() { curl -sf --max-time 2 --unix-socket /var/run/docker.sock http://localhost/_ping >/dev/null 2>&1; }

start_docker() {
    docker_answers && return
    [ "$(id -u)" = 0 ] || fail "no container engine answers on /var/run/docker.sock: start one"
    dockerd >"$work/dockerd.log" 2>&1 </dev/null &
    dockerd_pid=$!
    for _ in $(seq 60); do
        docker_answers && return
        kill -0 "$dockerd_pid" 2>/dev/null || break
        sleep 1
    done
    tail -20 "$work/dockerd.log" >&2
    fail "dockerd does not answer"
}

step "what the tests need"
install_missing
start_docker

step "format"
cargo fmt --all --check

step "clippy"
cargo clippy --quiet --workspace --all-targets -- -D warnings

step "build"
cargo build --quiet --workspace --all-targets

step "tests"
if have cargo-nextest; then
    cargo nextest run --workspace --no-fail-fast --status-level fail --final-status-level fail
else
    cargo test --quiet --workspace --lib --bins --tests
fi

step "documentation tests"
cargo test --quiet --workspace --doc

step "dependencies: bans, licences, sources"
PATH="$PWD/target/tools/bin:$PATH"
have cargo-deny || cargo install --quiet --locked cargo-deny --root target/tools
cargo deny --log-level error check bans licenses sources

step "python package"
if [ ! -x target/venv/bin/maturin ] || [ ! -x target/venv/bin/pytest ]; then
    python3 -m venv target/venv
    target/venv/bin/pip install --quiet --disable-pip-version-check 'maturin>=1.9,<2' 'pytest>=8'
fi
rm -rf target/wheels
target/venv/bin/maturin build --quiet --profile dev --manifest-path leoscope-py/Cargo.toml --out target/wheels
target/venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall target/wheels/*.whl
target/venv/bin/pytest -q tests/python

printf '\nall checks passed in %d s\n' $((SECONDS - started))
