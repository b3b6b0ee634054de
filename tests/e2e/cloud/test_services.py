"""A Deployment with real agents and containers: rolled out, scaled, lost and made again, ended."""

from __future__ import annotations

from tests.e2e.cloud.conftest import Cloud

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: xyz}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: main
        image: busybox
        command: [sh, -c, "trap 'exit 0' TERM; echo $WORD; sleep 1000 & wait"]
        env: [{name: WORD, value: first}]
        readinessProbe: {exec: {command: ["true"]}, periodSeconds: 1}
        resources: {requests: {cpu: 100m, memory: 64Mi}}
"""


def test_a_service_is_rolled_out_scaled_healed_and_ended(cloud: Cloud) -> None:
    cloud.kubectl("apply", "-f", "-", text=WEB)
    ready = ("-n", "xyz", "rollout", "status", "deployment/web", "--timeout=90s")
    assert "successfully rolled out" in cloud.kubectl(*ready)
    cloud.kubectl("-n", "xyz", "scale", "deployment/web", "--replicas=3")
    cloud.kubectl(*ready)
    cloud.kubectl("-n", "xyz", "set", "env", "deployment/web", "WORD=second")
    cloud.kubectl(*ready)
    said = cloud.kubectl("-n", "xyz", "logs", "deployment/web")
    assert "second" in said

    victim = cloud.get("-n", "xyz", "pods", "-l", "app=web")["items"][0]["metadata"]["name"]
    cloud.kubectl("-n", "xyz", "delete", "pod", victim)
    cloud.kubectl(*ready)
    cloud.kubectl("-n", "xyz", "delete", "deployment", "web", "--cascade=foreground")
    assert cloud.kubectl("-n", "xyz", "get", "pods", "-l", "app=web", "-o", "name") == ""

    receipt = cloud.busbar("receipt", "web", "-n", "xyz").stdout
    assert "✓" in receipt
    assert receipt.count("web-") >= 6
