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
  - {name: side, image: busybox, restartPolicy: Always,
     command: [sh, -c, "trap 'exit 0' TERM; sleep 1000 & wait"]}
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

WHO = """
apiVersion: v1
kind: Pod
metadata: {name: who, namespace: xyz}
spec:
  restartPolicy: Never
  hostname: web
  subdomain: site
  hostAliases: [{ip: 203.0.113.9, hostnames: [db.example]}]
  dnsPolicy: None
  dnsConfig: {nameservers: [192.0.2.53], searches: [example], options: [{name: ndots, value: "2"}]}
  securityContext: {runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000],
    runAsNonRoot: true}
  containers:
  - name: main
    image: busybox
    command: [sh, -ec]
    args:
    - |
      echo $(id -u) $(id -g) $(id -G)
      touch /work/mine /deep/mine
      stat -c '%u:%g %a' /work/mine /work /deep /key/token
      cat /key/token; echo
      cat /etc/resolv.conf
      hostname; grep -E 'web|db' /etc/hosts | cut -f2-
    volumeMounts:
    - {name: work, mountPath: /work}
    - {name: work, mountPath: /deep, subPath: a/b}
    - {name: key, mountPath: /key}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: key, secret: {secretName: token, defaultMode: 0400, items: [{key: t, path: token}]}}
"""

PROBED = """
apiVersion: v1
kind: Pod
metadata: {name: probed, namespace: xyz}
spec:
  restartPolicy: Always
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "mkdir /tmp/www; echo ok > /tmp/www/live; httpd -f -p 8080 -h /tmp/www"]
    ports: [{name: web, containerPort: 8080}]
    startupProbe: {tcpSocket: {port: web}, periodSeconds: 1, failureThreshold: 30}
    livenessProbe: {httpGet: {port: web, path: /live}, periodSeconds: 1, failureThreshold: 2}
    readinessProbe: {exec: {command: [test, -e, /tmp/www/live]}, periodSeconds: 1}
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
    side = cloud.get("-n", "xyz", "pod", "plain")["status"]["initContainerStatuses"][0]
    assert (side["name"], side["state"]["terminated"]["exitCode"]) == ("side", 0)


def test_a_pod_is_who_it_asks_to_be_and_asks_whom_it_names(cloud: Cloud) -> None:
    cloud.kubectl("-n", "xyz", "create", "secret", "generic", "token", "--from-literal=t=s3cret")
    cloud.kubectl("apply", "-f", "-", text=WHO)
    cloud.eventually("-n", "xyz", "pod", "who", field="phase", is_="Succeeded")
    assert cloud.kubectl("-n", "xyz", "logs", "who").splitlines() == [
        "1000 3000 3000 2000 4000",
        "1000:2000 644",
        "0:2000 2777",
        "0:2000 2777",
        "0:2000 440",
        "s3cret",
        "search example",
        "nameserver 192.0.2.53",
        "options ndots:2",
        "web",
        "web.site.xyz.svc.cluster.local\tweb",
        "db.example",
    ]


def test_an_id_that_no_pod_has_is_refused_with_its_field(cloud: Cloud) -> None:
    wrong = WHO.replace("runAsUser: 1000", "runAsUser: 70000").replace("name: who", "name: wrong")
    cloud.kubectl("apply", "-f", "-", text=wrong)
    cloud.eventually("-n", "xyz", "pod", "wrong", field="phase", is_="Failed")
    said = cloud.get("-n", "xyz", "pod", "wrong")["status"]["message"]
    assert said.startswith("spec.securityContext.runAsUser: 70000 is none of the ids")


def test_probes_say_who_is_ready_and_end_who_is_not_alive(cloud: Cloud) -> None:
    """The page that the liveness probe asks for is there in the first run of it only."""
    once = "[ -e /keep/once ] || { touch /keep/once /tmp/www/live; sleep 4; rm /tmp/www/live; } &"
    kept = PROBED.replace("echo ok > /tmp/www/live;", f"{once} sleep 0.2;").replace(
        "ports:", "volumeMounts: [{name: keep, mountPath: /keep}]\n    ports:"
    )
    cloud.kubectl("apply", "-f", "-", text=kept + "  volumes: [{name: keep, emptyDir: {}}]\n")
    cloud.kubectl("-n", "xyz", "wait", "--for=condition=Ready", "pod/probed", "--timeout=60s")
    cloud.kubectl("-n", "xyz", "wait", "--for=condition=Ready=false", "pod/probed", "--timeout=60s")
    first = "jsonpath={.status.containerStatuses[0].restartCount}=1"
    cloud.kubectl("-n", "xyz", "wait", f"--for={first}", "pod/probed", "--timeout=60s")
    said = cloud.kubectl("-n", "xyz", "describe", "pod", "probed")
    assert "liveness probe failed: it answered with the status 404" in said
    cloud.kubectl("-n", "xyz", "delete", "pod", "probed")


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
