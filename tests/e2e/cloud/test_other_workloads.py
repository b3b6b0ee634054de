"""Plain Pods and batch Jobs go through the same market; their logs through the same door."""

from __future__ import annotations

from tests.e2e.cloud.conftest import Cloud

POD = """
apiVersion: v1
kind: Pod
metadata: {name: plain, namespace: xyz}
spec:
  restartPolicy: Never
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, "echo made > /work/file"],
     volumeMounts: [{name: work, mountPath: /work}]}
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "cat /work/file /etc/conf/greeting; echo $WHO; id -u"]
    env: [{name: WHO, valueFrom: {secretKeyRef: {name: who, key: name}}}]
    volumeMounts: [{name: work, mountPath: /work}, {name: conf, mountPath: /etc/conf}]
  volumes: [{name: work, emptyDir: {}}, {name: conf, configMap: {name: conf}}]
"""

JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: three, namespace: xyz}
spec:
  completions: 3
  parallelism: 2
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: main, image: busybox, command: [sh, -c, "echo index $JOB_COMPLETION_INDEX"]}
"""


def test_a_plain_pod_with_config_secret_and_init_container(cloud: Cloud) -> None:
    cloud.kubectl("-n", "xyz", "create", "configmap", "conf", "--from-literal=greeting=hello")
    cloud.kubectl("-n", "xyz", "create", "secret", "generic", "who", "--from-literal=name=world")
    cloud.kubectl("apply", "-f", "-", text=POD)
    cloud.eventually("-n", "xyz", "pod", "plain", field="phase", is_="Succeeded")
    log = cloud.kubectl("-n", "xyz", "logs", "plain", "-c", "main")
    assert log.split() == ["made", "helloworld", "0"]


def test_an_indexed_batch_job(cloud: Cloud) -> None:
    cloud.kubectl("apply", "-f", "-", text=JOB)
    cloud.kubectl("-n", "xyz", "wait", "--for=condition=complete", "job/three", "--timeout=90s")
    pods = cloud.get("-n", "xyz", "pods", "-l", "job-name=three")["items"]
    said = {cloud.kubectl("-n", "xyz", "logs", pod["metadata"]["name"]).strip() for pod in pods}
    assert said == {"index 0", "index 1", "index 2"}


def test_a_member_works_in_its_namespace_only(cloud: Cloud) -> None:
    path = cloud.data / "member.kubeconfig"
    cloud.busbar("token", "--member", "xyz", "--write", str(path))
    mine = cloud.kubectl("--kubeconfig", str(path), "-n", "xyz", "get", "pods")
    assert "NAME" in mine
    said = cloud.kubectl("--kubeconfig", str(path), "-n", "default", "get", "pods", code=1)
    assert "forbidden" in said.lower()
