# What every local run needs. The Makefile sources it; by hand, from the repository root: . setup/env.sh
M2M_HOME=$(cd "$(dirname "${BASH_SOURCE:-setup/env.sh}")/.." && pwd)
export M2M_HOME
export PATH="$M2M_HOME/.venv/bin:$PATH"

# Spark of the environment, whatever else is installed; executors run the driver's Python.
unset SPARK_CONF_DIR
SPARK_HOME=$(echo "$M2M_HOME"/.venv/lib/python3*/site-packages/pyspark)
export SPARK_HOME
export PYSPARK_PYTHON="$M2M_HOME/.venv/bin/python"
export SPARK_LOCAL_IP=127.0.0.1
# What spark-submit runs on when nothing names a master. With local[*] alone a task may not fail once: a Python worker that
# is killed, for its memory say, would end the job. A cluster tries a task four times, and so does this.
export MASTER="${MASTER:-local[*,4]}"

# A local job is short, so it gains from a fast start: one compiler tier, and a class archive where set-up could make it.
# Long local runs gain from the full compiler instead: M2M_JVM=full.
SPARK_SUBMIT_OPTS="\"-Dlog4j2.configurationFile=file:$M2M_HOME/setup/log4j2.properties\""
if [ "${M2M_JVM:-fast}" = fast ]; then
    SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:MetaspaceSize=256m -Xmn300m"
    # With one tier the default is 48 MB; a long session (the tests) fills it, and from then on nothing is compiled.
    SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS -XX:ReservedCodeCacheSize=256m"
    if [ -f "$M2M_HOME/.venv/spark/classes.jsa" ]; then
        SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS \"-XX:SharedArchiveFile=$M2M_HOME/.venv/spark/classes.jsa\""
        SPARK_SUBMIT_OPTS="$SPARK_SUBMIT_OPTS -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off"
    fi
fi
export SPARK_SUBMIT_OPTS

# Airflow: its own folder with SQLite, our DAGs alone, Spark in this process' machine.
export AIRFLOW_HOME="$M2M_HOME/.airflow"
export AIRFLOW__CORE__DAGS_FOLDER="$M2M_HOME/dags"
export AIRFLOW__CORE__LOAD_EXAMPLES=False
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
export AIRFLOW_CONN_SPARK_DEFAULT="${AIRFLOW_CONN_SPARK_DEFAULT:-{\"conn_type\": \"spark\", \"host\": \"$MASTER\"\}}"
# Nothing but this machine can fail here, so a retry need not wait.
export M2M_RETRY_SECONDS="${M2M_RETRY_SECONDS:-5}"
