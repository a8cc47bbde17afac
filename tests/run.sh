#!/usr/bin/env bash
# Passes all checks and tests, and stops at the first that fails. Needs Rust (cargo), a C compiler
# and Python 3.9 or newer. The rest (container engines, static busybox, a MongoDB server, Azurite, memcached,
# mosquitto, cron, at, chrony, iperf3, iproute2) is installed and started here when this runs as root on Debian, and what
# was started is stopped again.
set -euo pipefail
cd "$(dirname "$0")/.."
# Nothing here may wait for somebody to type.
exec </dev/null

# No test asks a public service.
export LEOSCOPE_ELEMENTS=none
export DEBIAN_FRONTEND=noninteractive CARGO_TERM_COLOR=never PIP_DISABLE_PIP_VERSION_CHECK=1
if [ "${CI:-}" = true ]; then export CARGO_INCREMENTAL=0; fi
# What a test needs of these must be there: else it fails instead of being skipped.
export LEOSCOPE_TEST_REQUIRE="${LEOSCOPE_TEST_REQUIRE:-docker,podman,mongodb,memcached,mosquitto,cron,netns,chrony,interfaces,tc,mount,azure}"

target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target"
target="$(cd "$target" && pwd)"
# Where programs log in every detail while they are tested, and tests note the secrets they use.
export LEOSCOPE_TEST_LOGS="$target/test-logs"
rm -rf "$LEOSCOPE_TEST_LOGS"
mkdir -p "$LEOSCOPE_TEST_LOGS"
work="$(mktemp -d)"
dockerd_pid=
mongodb_pid=
current=
summary=()
step_started=0

have() { command -v "$1" >/dev/null 2>&1; }

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

# Ends the step before and begins the next: a header with the time since the start.
step() {
    if [ -n "$current" ]; then summary+=("$(printf '%5d s  %s' $((SECONDS - step_started)) "$current")"); fi
    current="$1"
    step_started=$SECONDS
    printf '\n== %s (at %d s)\n' "$1" "$SECONDS"
}

finish() {
    local code=$?
    trap - EXIT
    local pid
    for pid in $dockerd_pid $mongodb_pid; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
    if [ "$code" -ne 0 ]; then
        printf '\nfailed after %d s, in: %s\n' "$SECONDS" "${current:-the beginning}" >&2
    fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

engine_answers() {
    timeout 10 python3 -c '
import socket
engine = socket.socket(socket.AF_UNIX)
engine.connect("/var/run/docker.sock")
engine.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
raise SystemExit(b" 200 " not in engine.recv(64))' 2>/dev/null
}
# Images are made from scratch, so the busybox in them has to bring its own libraries.
static_busybox() { [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }

install_missing() {
    local packages=()
    have cargo || fail "cargo is missing: install Rust with rustup"
    have python3 || packages+=(python3)
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
    have cc || packages+=(gcc libc6-dev)
    static_busybox || packages+=(busybox-static)
    if ! have docker || { ! have dockerd && ! engine_answers; }; then packages+=(docker.io); fi
    have ip || packages+=(iproute2)
    have iperf3 || packages+=(iperf3)
    have memcached || packages+=(memcached)
    have mosquitto || [ -x /usr/sbin/mosquitto ] || packages+=(mosquitto)
    have crontab || packages+=(cron)
    have at || packages+=(at)
    have podman || packages+=(podman)
    have chronyd || packages+=(chrony)
    have nsenter || packages+=(util-linux)
    have pgrep || packages+=(procps)
    have node || packages+=(nodejs)
    have npm || packages+=(npm)
    if [ ${#packages[@]} -gt 0 ]; then
        if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
            fail "missing: ${packages[*]} (names of Debian packages); install them, or run this as root on Debian"
        fi
        echo "installing ${packages[*]}"
        if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}"; } \
            >"$work/apt.log" 2>&1; then
            tail -n 30 "$work/apt.log" >&2
            fail "cannot install ${packages[*]}"
        fi
    fi
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || fail "$(python3 --version) is too old, 3.9 is needed"
}

start_engine() {
    if engine_answers; then
        echo "a container engine answers already"
        return
    fi
    if [ "$(id -u)" -ne 0 ]; then
        fail "no container engine answers on /var/run/docker.sock for user $(id -un): start one, or let the user use it"
    fi
    # A killed engine leaves its pid file; once that pid is another process's, dockerd refuses to start.
    local pidfile=/var/run/docker.pid
    if [ -f "$pidfile" ] && [ "$(cat "/proc/$(cat "$pidfile")/comm" 2>/dev/null)" != dockerd ]; then
        rm -f "$pidfile"
    fi
    dockerd >"$work/dockerd.log" 2>&1 &
    dockerd_pid=$!
    local deadline=$((SECONDS + 90))
    # Installing the package may have started one too; whichever answers will do.
    until engine_answers; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            tail -n 30 "$work/dockerd.log" >&2
            fail "dockerd does not answer on /var/run/docker.sock; the end of its log is above"
        fi
        sleep 1
    done
    echo "started dockerd"
}

# A build that runs out of space breaks off in the middle, with another error each time.
enough_space() {
    local needed=10 free
    if [ -d "$target/debug/deps" ]; then needed=3; fi
    free="$(df -Pk "$target" | awk 'END { print int($4 / 1048576) }')"
    if [ "$free" -lt "$needed" ]; then
        fail "$free GB are free for $target, a build needs $needed: make room ('cargo clean' removes earlier builds), or name another directory with CARGO_TARGET_DIR"
    fi
}

# What the tests need of Python's packages. SecantusDB is a server of its own that speaks MongoDB's
# protocol; it is started by the tests and is no part of what is built.
python_packages() {
    local venv="$target/venv"
    if ! "$venv/bin/python" -c 'import pytest, maturin, croniter, secantus, pymongo, grpc, grpc_tools, sgp4, skyfield, numpy, pandas, polars, pyarrow, matplotlib, tqdm, mypy, pyright, nbclient, ipykernel' 2>/dev/null; then
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet 'maturin>=1.9,<2' 'pytest>=8' 'croniter>=7,<8' 'SecantusDB==0.7.0b3' 'pymongo>=4,<5' 'grpcio>=1.70,<2' 'grpcio-tools>=1.70,<2' 'sgp4>=2.24,<3' 'skyfield>=1.53,<2' 'numpy>=1.26,<3' 'pandas>=2.2,<4' 'polars>=1,<2' 'pyarrow>=15' 'matplotlib>=3.8,<4' 'tqdm>=4.66,<5' 'mypy>=1.15,<3' 'pyright>=1.1.400,<2' 'pandas-stubs' 'nbclient>=0.10,<1' 'ipykernel>=6,<8'
    fi
}

# A MongoDB server for tests that only need a database; those that stop it start their own.
start_mongodb() {
    export LEOSCOPE_TEST_MONGODB_SERVER="$target/venv/bin/secantusd-py"
    export LEOSCOPE_TEST_MONGODB_PORT
    LEOSCOPE_TEST_MONGODB_PORT="$(python3 -c '
import socket
for port in range(27017, 28017):
    with socket.socket() as s:
        if s.connect_ex(("127.0.0.1", port)):
            print(port)
            break')"
    "$LEOSCOPE_TEST_MONGODB_SERVER" --port "$LEOSCOPE_TEST_MONGODB_PORT" --storage-path "$work/mongodb" \
        --log-level WARNING >"$work/mongodb.log" 2>&1 &
    mongodb_pid=$!
    local deadline=$((SECONDS + 60))
    until (exec 3<>"/dev/tcp/127.0.0.1/$LEOSCOPE_TEST_MONGODB_PORT") 2>/dev/null; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$mongodb_pid" 2>/dev/null; then
            tail -n 30 "$work/mongodb.log" >&2
            fail "the MongoDB server does not answer; the end of its log is above"
        fi
        sleep 0.2
    done
    echo "started a MongoDB server"
}

# A server that speaks the protocol of Azure Blob storage; the tests that need one start their own.
azurite() {
    local program="$target/azurite/node_modules/.bin/azurite-blob"
    if ! "$program" --version 2>/dev/null | grep -q '^3\.'; then
        mkdir -p "$target/azurite"
        if ! npm install --prefix "$target/azurite" --no-audit --no-fund --no-update-notifier azurite@3 \
            >"$work/azurite.log" 2>&1; then
            tail -n 30 "$work/azurite.log" >&2
            fail "cannot install azurite with npm"
        fi
    fi
    export LEOSCOPE_TEST_AZURITE="$program"
}

# Tests may be longer, and the cases of the conformance suites are tests.
short_files() {
    local long
    long="$(git ls-files --cached --others --exclude-standard '*.rs' \
        | grep -vE '(^|/)(tests(/|\.rs$)|conformance/)' | while read -r file; do
            if [ -f "$file" ] && [ "$(wc -l <"$file")" -gt 400 ]; then echo "$file"; fi
        done)"
    if [ -n "$long" ]; then fail "longer than 400 lines, split them: $long"; fi
}

rust_tests() {
    local log="$target/tests.log" notes="$target/tests.log"
    if have cargo-nextest; then
        # nextest writes it here wherever the target directory is; see .config/nextest.toml.
        notes=target/nextest/default/junit.xml
        rm -f "$notes"
        cargo nextest run --locked --workspace --status-level slow --final-status-level fail 2>&1 | tee "$log"
    else
        cargo test --locked --workspace --lib --bins --tests --no-fail-fast -- --show-output >"$log" 2>&1 || {
            grep -E '^(test .* FAILED|error|test result: FAILED)|panicked at' "$log" >&2 || true
            tail -n 60 "$log" >&2
            fail "tests failed; all output is in $log"
        }
        grep -E '^test result' "$log"
    fi
    [ -s "$log" ] && [ -s "$notes" ] || fail "the tests left no record in $log and $notes"
    if [ "${CI:-}" = true ] && grep -nE 'skipped: |Summary .* [1-9][0-9]* skipped|[1-9][0-9]* ignored;' "$log" "$notes" >&2; then
        fail "tests were skipped, see above"
    fi
}

dependencies() {
    if have cargo-deny; then
        cargo deny --log-level error check bans licenses sources
    else
        # The same lists are read by the architecture test, which has just run.
        echo "cargo-deny is not installed; deny.toml was checked by the tests"
    fi
}

python_package() {
    local venv="$target/venv"
    rm -rf "$target/wheels"
    CARGO_TARGET_DIR="$target" "$venv/bin/maturin" build --quiet --locked --profile dev --compatibility linux \
        --auditwheel skip --manifest-path leoscope-py/Cargo.toml --out "$target/wheels"
    "$venv/bin/pip" install --quiet --force-reinstall --no-deps "$target"/wheels/*.whl
    LEOSCOPE_TEST_BINARIES="$target/debug" "$venv/bin/python" -m pytest -q -p no:cacheprovider tests/python \
        | tee "$target/pytest.log"
    if grep -qE '[0-9]+ skipped' "$target/pytest.log"; then fail "Python tests were skipped, see above"; fi
}

# Looks through the logs of all tests for the secrets that they used.
no_secret_logged() {
    local planted="$LEOSCOPE_TEST_LOGS/planted" probe="$work/probe.log" logs=("$LEOSCOPE_TEST_LOGS" "$target/tests.log") found
    [ -s "$planted" ] || fail "the tests noted no secret"
    sort -u -o "$planted" "$planted"
    # What is looked through was written, and what is looked for would be found.
    grep -rqF 'call refused' --include='*.log' "$LEOSCOPE_TEST_LOGS" || fail "the programs logged nothing in $LEOSCOPE_TEST_LOGS"
    printf 'token=%s\n' "$(head -n 1 "$planted")" >"$probe"
    grep -qF -f "$planted" "$probe" || fail "planted secrets are not found"
    local status=0
    found="$(grep -rlF -f "$planted" --include='*.log' "${logs[@]}")" || status=$?
    [ "$status" -ne 0 ] || fail "a secret is in: $found"
    [ "$status" -eq 1 ] || fail "the logs cannot be looked through"
    printf '%d secrets, none in %d logs of %d lines\n' "$(wc -l <"$planted")" \
        "$(find "${logs[@]}" -name '*.log' | wc -l)" "$(find "${logs[@]}" -name '*.log' -exec cat {} + | wc -l)"
}

step "what the tests need"
enough_space
install_missing
start_engine
python_packages
azurite
start_mongodb

step "length of source files"
short_files

step "format"
cargo fmt --all --check

step "lints"
cargo clippy --quiet --locked --workspace --all-targets -- -D warnings

step "build"
cargo build --quiet --locked --workspace --all-targets

step "tests"
rust_tests

step "documentation tests"
cargo test --quiet --locked --workspace --doc

step "an example"
"$target/debug/examples/plan"

step "bans, licences, sources"
dependencies

step "python package"
python_package

step "secrets in logs"
no_secret_logged

step "done"
printf '%s\n' "${summary[@]}"
printf 'all checks passed in %d s\n' "$SECONDS"
