#!/bin/sh
# Says in one line what this machine lacks (exit status 1), or prints the Python to build the environment with.
# PYTHON names another Python; JAVA_HOME another Java; M2M_MIN_FREE_GB another limit on free disk.
set -u
cd "$(dirname "$0")/.." || exit 1

stop() {
    echo "set-up: $*" >&2
    exit 1
}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if fits "$candidate"; then python=$candidate && break; fi
done
[ -n "$python" ] || stop "needs Python 3.11, 3.12 or 3.13, found" \
    "$(${PYTHON:-python3} -V 2>/dev/null || echo none): install one, or name it: make PYTHON=/path/to/python3.11"
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
    stop "$python cannot make environments: install its venv package (Debian and Ubuntu: apt install python3-venv)"

java=${JAVA_HOME:+$JAVA_HOME/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
case $version in
17 | 21) ;;
*) stop "needs Java 17 or 21, found ${version:-none} ($java):" \
    "install one (Debian and Ubuntu: apt install openjdk-17-jre-headless), or point JAVA_HOME at it" ;;
esac

if [ ! -e .venv/.packages ]; then
    free=$(($(df -Pk . | awk 'NR == 2 {print $4}') / 1048576))
    least=${M2M_MIN_FREE_GB:-8}
    [ "$free" -ge "$least" ] ||
        stop "needs $least GB of free disk at $PWD, found $free GB: free some, or clone to a larger disk"
fi
echo "$python"
