#!/bin/bash
# Entry point of the image. As in the published image of Apache Spark:
#   driver ARGS…    spark-submit in client mode, as Spark on Kubernetes starts its driver
#   executor        an executor of Spark on Kubernetes, described by SPARK_* variables
#   anything else   is run as it is
set -e

# A user id without a name (as OpenShift assigns): Hadoop needs one.
if ! getent passwd "$(id -u)" > /dev/null && [ -w /etc/passwd ]; then
  echo "$(id -u):x:$(id -u):$(id -g):${SPARK_USER_NAME:-anonymous}:$SPARK_HOME:/bin/false" >> /etc/passwd
fi

if [ -z "$JAVA_HOME" ]; then
  JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")
  export JAVA_HOME
fi
[ -n "$PYSPARK_PYTHON" ] && export PYSPARK_PYTHON
[ -n "$PYSPARK_DRIVER_PYTHON" ] && export PYSPARK_DRIVER_PYTHON

class_path="$SPARK_CLASSPATH:$SPARK_HOME/jars/*"
[ -n "$SPARK_EXTRA_CLASSPATH" ] && class_path="$class_path:$SPARK_EXTRA_CLASSPATH"
[ -n "$HADOOP_CONF_DIR" ] && class_path="$HADOOP_CONF_DIR:$class_path"
[ -n "$SPARK_CONF_DIR" ] && class_path="$SPARK_CONF_DIR:$class_path"
[ -z "$SPARK_CONF_DIR" ] && class_path="$SPARK_HOME/conf:$class_path"
class_path="$class_path:$PWD"

case "$1" in
  driver)
    shift
    exec tini -s -- "$SPARK_HOME/bin/spark-submit" \
      --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
      --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" \
      --deploy-mode client "$@"
    ;;
  executor)
    java_options=()
    while IFS= read -r option; do
      java_options+=("$option")
    done < <(env | grep '^SPARK_JAVA_OPT_' | sort -t_ -k4 -n | sed 's/^[^=]*=//')
    exec tini -s -- "$JAVA_HOME/bin/java" "${java_options[@]}" \
      "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$class_path" \
      org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
      --driver-url "$SPARK_DRIVER_URL" \
      --executor-id "$SPARK_EXECUTOR_ID" \
      --cores "$SPARK_EXECUTOR_CORES" \
      --app-id "$SPARK_APPLICATION_ID" \
      --hostname "$SPARK_EXECUTOR_POD_IP" \
      --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
      --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
  *)
    exec "$@"
    ;;
esac
