#!/bin/sh
# Makes .venv, the Delta jars, the class archive and Airflow's database; does only what is missing or out of date.
# Each step leaves a stamp that holds a digest of everything the step depends on.
set -eu
cd "$(dirname "$0")/.."
python=$(setup/check.sh)
. setup/env.sh
unset PYTHONPATH

say() { echo "set-up: $*" >&2; }
digest() { "$python" -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())'; }
fresh() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# Two runs at once must not install over each other.
if ! mkdir .setup-lock 2>/dev/null; then
    say "another set-up is running here; if not, remove $PWD/.setup-lock and try again"
    exit 1
fi
trap 'rmdir .setup-lock' EXIT
trap 'exit 1' INT TERM

install_packages() {
    say "installing the Python packages into .venv (about a minute, 6 GB)"
    rm -f .venv/.packages
    # An environment that moved or lost its Python cannot be repaired in place.
    [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ] || rm -rf .venv
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$(grep -o '^uv==[0-9.]*' requirements.txt)"
    .venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python -r requirements.lock
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
        --config-settings editable_mode=compat -e .
    .venv/bin/python setup/compile_zip.py .venv/lib/python3*/site-packages/pyspark/python/lib/*.zip
}

install_jars() {
    say "fetching the Delta jars into Spark's jars folder"
    mkdir -p .venv/spark/jars
    rm -rf .venv/spark/jars/*
    java=${JAVA_HOME:+$JAVA_HOME/bin/}java
    delta=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("delta-spark"))')
    spark=$(.venv/bin/python -c 'from importlib.metadata import version; print(version("pyspark").rpartition(".")[0])')
    "$java" "-Ddelta.name=delta-spark_${spark}_2.13" "-Ddelta.version=$delta" \
        -cp "$(echo "$SPARK_HOME"/jars/ivy-*.jar)" org.apache.ivy.Main -warn \
        -settings "${M2M_IVY_SETTINGS:-setup/ivysettings.xml}" -cache "$PWD/.venv/spark/ivy" -ivy setup/ivy.xml \
        -retrieve "$PWD/.venv/spark/jars/[artifact]-[revision].[ext]" -types jar >.venv/spark/jars.log 2>&1 ||
        { tail -n 20 .venv/spark/jars.log >&2; say "the Delta jars could not be fetched: is Maven Central reachable?"; exit 1; }
    rm -f "$SPARK_HOME"/jars/delta-*.jar "$SPARK_HOME"/jars/unitycatalog-*.jar
    cp .venv/spark/jars/*.jar "$SPARK_HOME/jars/"
}

archive_classes() {
    say "archiving Spark's classes so that jobs start faster"
    rm -rf .venv/spark/classes.jsa .venv/spark/warm-up
    base=$(echo "$SPARK_SUBMIT_OPTS" | sed 's/ "-XX:SharedArchiveFile.*//')
    SPARK_SUBMIT_OPTS="$base \"-XX:ArchiveClassesAtExit=$PWD/.venv/spark/classes.jsa\" -Xlog:cds=off -Xlog:cds+dynamic=off" \
        spark-submit --master 'local[2]' setup/warm_up.py "$PWD/.venv/spark/warm-up" >.venv/spark/warm-up.log 2>&1 ||
        say "the class archive could not be made (see .venv/spark/warm-up.log): jobs work, but start slower"
    rm -rf .venv/spark/warm-up
}

prepare_airflow() {
    say "preparing Airflow's database in .airflow"
    mkdir -p .airflow
    {
        airflow db migrate && airflow pools set spark "${M2M_SPARK_SLOTS:-1}" "Spark jobs that may run at once"
    } >.airflow/set-up.log 2>&1 || { tail -n 20 .airflow/set-up.log >&2; exit 1; }
}

packages=$({ cat requirements.lock setup/compile_zip.py; sed -n '/^\[build-system/,/^\[tool.ruff/p' pyproject.toml; "$python" -V; pwd; } | digest)
if ! fresh .venv/.packages "$packages"; then
    install_packages
    . setup/env.sh
    echo "$packages" >.venv/.packages
fi
jars=$({ grep -E '^(delta-spark|pyspark)==' requirements.lock; cat setup/ivy.xml; } | digest)
if ! fresh .venv/spark/.jars "$jars"; then
    install_jars
    echo "$jars" >.venv/spark/.jars
fi
classes=$({ echo "$jars"; cat setup/warm_up.py; "${JAVA_HOME:+$JAVA_HOME/bin/}java" -version 2>&1; } | digest)
if ! fresh .venv/spark/.classes "$classes"; then
    archive_classes
    echo "$classes" >.venv/spark/.classes
fi
database=$({ grep '^apache-airflow' requirements.lock; pwd; } | digest)
if ! fresh .airflow/.database "$database"; then
    prepare_airflow
    echo "$database" >.airflow/.database
fi
