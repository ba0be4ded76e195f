"""Pods and compose services as processes of this machine.

What is run is what stands in the YAML: command, args, env, files of config
maps and secrets, probes, grace times.  Instead of an image there is the
program under test (with the Dockerfile's ENTRYPOINT and ENV) or what PATH has
by that name; instead of an address of its own a pod has ports of its own on
this machine, and `postgres` is the tests' server.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import yaml

import program
import proxy
from cluster import free_port
from wire import HANG_BOUND_S

ROOT = pathlib.Path(__file__).resolve().parents[2]
USER = 7432  # the Dockerfile's; what runs as root here is given to it


def image_environment():
    """The ENV of the Dockerfile's last stage."""
    text = (ROOT / "Dockerfile").read_text()
    return dict(re.findall(r"(LOCKSTEP_\w+)=(\S+)",
                           re.search(r"^ENV (.*)", text, re.M)[1]))


def is_ours(image):
    return image.split(":")[0] == "lockstep"


class Place:
    """A YAML text with its ports and addresses moved here; a folder."""

    def __init__(self, cluster):
        self.ports = {"7432": str(free_port()), "7433": str(free_port())}
        self.cluster = cluster
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lsk", dir="/tmp"))
        self.folder.chmod(0o755)
        shutil.copy(proxy.lockstep_bin(), self.folder / "lockstep")
        self.log_path = self.folder / "log"

    def move(self, text):
        text = text.replace("host=postgres port=5432",
                            f"host=127.0.0.1 port={self.cluster.port}")
        return re.sub(r"(?<!fsGroup: )\b743[23]\b",
                      lambda port: self.ports[port[0]], text)

    @property
    def port(self):
        return int(self.ports["7432"])

    def log(self):
        return self.log_path.read_text(errors="replace")

    def remove(self):
        shutil.rmtree(self.folder)


class Container:
    """A process by its command, with its environment."""

    def __init__(self, place, name, words, variables, ours):
        self.name = name
        self.words = words
        self.place = place
        self.ours = ours
        self.process = None
        self.environment = program.environment({
            **(image_environment() if ours else {}), **variables})
        self.environment["PATH"] = f"{place.folder}:{os.environ['PATH']}"
        # What may not be traced cannot be searched for leaks by its own user.
        self.environment["ASAN_OPTIONS"] = os.environ.get(
            "ASAN_OPTIONS", "") + ":detect_leaks=0"

    def _popen(self, words):
        who = {}
        if self.ours and os.getuid() == 0:
            who = {"user": USER, "group": USER, "extra_groups": []}
        with open(self.place.log_path, "ab") as log:
            return subprocess.Popen(
                words, env=self.environment, cwd="/", stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, executable=shutil.which(
                    words[0], path=self.environment["PATH"]), **who)

    def start(self):
        self.process = self._popen(self.words)

    def run(self, words):
        """The status of a command in this container."""
        return self._popen(words).wait(HANG_BOUND_S)

    def wait(self, bound_s):
        return self.process.wait(bound_s)

    def stop(self, bound_s):
        """SIGTERM, as kubelet would; the status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(bound_s)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class PodContainer(Container):
    """One of a pod's; `spec` is its part of the manifest."""

    def __init__(self, pod, spec):
        self.spec = spec
        ours = is_ours(spec["image"])
        words = [*spec.get("command", ["lockstep"] if ours else []),
                 *spec.get("args", [])]
        super().__init__(pod.place, spec["name"],
                         [self._moved(pod, word) for word in words],
                         {entry["name"]: self._moved(pod, pod.value(entry))
                          for entry in spec.get("env", [])}, ours)

    def _moved(self, pod, word):
        """A path below a mount leads to the volume's folder."""
        for mount in self.spec.get("volumeMounts", []):
            word = word.replace(mount["mountPath"],
                                str(pod.place.folder / mount["name"]))
        return word

    def probe(self, kind):
        """Whether startupProbe, livenessProbe or readinessProbe succeeds."""
        probe = self.spec[kind]
        if "exec" in probe:
            return self.run(probe["exec"]["command"]) == 0
        asked = probe["httpGet"]
        port = next(port["containerPort"] for port in self.spec["ports"]
                    if port["name"] == asked["port"])
        try:
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{port}{asked['path']}",
                    timeout=HANG_BOUND_S) as answer:
                return 200 <= answer.status < 400
        except (urllib.error.URLError, ConnectionError):
            return False

    def wait_for_startup(self):
        """Longer than failureThreshold if need be: machines are slow."""
        deadline = time.monotonic() + proxy.START_BOUND_S
        while not self.probe("startupProbe"):
            assert self.process.poll() is None, self.place.log()
            assert time.monotonic() < deadline, self.place.log()
            time.sleep(0.05)


def patch(spec, more):
    """Add to a spec, as a strategic merge does: what has a name by its name."""
    for key, value in more.items():
        if isinstance(value, dict):
            patch(spec.setdefault(key, {}), value)
        elif isinstance(value, list):
            there = spec.setdefault(key, [])
            for entry in value:
                same = [one for one in there if one["name"] == entry["name"]]
                if same:
                    patch(same[0], entry)
                else:
                    there.append(entry)
        else:
            spec[key] = value


class Pod:
    """The pod that the object of that kind in a manifest would have made.

    `more` are objects of the same cluster of Kubernetes: secrets, config maps.
    `addition` is patched into the pod's spec.
    """

    def __init__(self, cluster, text, kind, more="", addition=""):
        self.place = Place(cluster)
        self.objects = [found for found in yaml.safe_load_all(
            self.place.move(f"{text}\n---\n{more}")) if found]
        self.owner = next(found for found in self.objects
                          if found["kind"] == kind)
        self.spec = self.owner["spec"]["template"]["spec"]
        patch(self.spec, yaml.safe_load(addition) or {})
        self.grace_s = self.spec["terminationGracePeriodSeconds"]
        for volume in self.spec.get("volumes", []):
            self._fill(volume)
        self.sidecars = [PodContainer(self, spec) for spec
                         in self.spec.get("initContainers", [])]
        self.containers = [PodContainer(self, spec)
                           for spec in self.spec["containers"]]
        assert all(sidecar.spec["restartPolicy"] == "Always"
                   for sidecar in self.sidecars)

    def _object(self, kind, name):
        return next(found for found in self.objects
                    if found["kind"] == kind
                    and found["metadata"]["name"] == name)

    def value(self, entry):
        if "value" in entry:
            return entry["value"]
        source = entry["valueFrom"]["secretKeyRef"]
        return self._object("Secret", source["name"])["stringData"][
            source["key"]]

    def _fill(self, volume):
        """A folder with the volume's files, as kubelet gives them."""
        folder = self.place.folder / volume["name"]
        folder.mkdir()
        if "secret" in volume:
            mode = volume["secret"]["defaultMode"]
            files = self._object("Secret", volume["secret"]["secretName"])[
                "stringData"]
            names = [item["key"] for item in volume["secret"].get(
                "items", [{"key": name} for name in files])]
        else:
            mode = 0o644
            files = self._object("ConfigMap", volume["configMap"]["name"])[
                "data"]
            names = list(files)
        for name in names:
            path = folder / name
            path.write_text(files[name])
            if os.getuid() == 0:
                os.chown(path, 0, self.spec.get("securityContext", {}).get(
                    "fsGroup", 0))
            else:
                mode &= 0o700  # the file is not root's
            path.chmod(mode)

    def start(self):
        """Sidecars first; the others when these have started."""
        for sidecar in self.sidecars:
            sidecar.start()
            sidecar.wait_for_startup()
        for container in self.containers:
            container.start()

    def complete(self, bound_s):
        """A Job's: the status of each container, then of each sidecar."""
        ends = [container.wait(bound_s) for container in self.containers]
        return ends, self._stop_sidecars()

    def stop(self):
        """A pod that is deleted: the same."""
        ends = [container.stop(self.grace_s) for container in self.containers]
        return ends, self._stop_sidecars()

    def _stop_sidecars(self):
        return [sidecar.stop(self.grace_s)
                for sidecar in reversed(self.sidecars)]

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        for container in (*self.containers, *self.sidecars):
            container.kill()
        self.place.remove()


class Compose:
    """The services of a compose file; `with` kills what is left."""

    def __init__(self, cluster, text):
        self.place = Place(cluster)
        self.services = yaml.safe_load(self.place.move(text))["services"]
        self.containers = {
            name: self._container(name, service)
            for name, service in self.services.items() if name != "postgres"}

    def _container(self, name, service):
        ours = is_ours(service["image"])
        variables = {key: "127.0.0.1" if value == "lockstep" else
                     self.place.move(value)
                     for key, value in service.get("environment", {}).items()}
        words = [word.replace("$$", "$") for word
                 in service.get("command", ["lockstep"])]
        container = Container(self.place, name, words, variables, ours)
        if ours:  # the image's own ENV has the ports, too
            container.environment.update(
                {key: self.place.move(value) for key, value
                 in image_environment().items() if key not in variables})
        return container

    def healthy(self, name):
        how, *words = self.services[name]["healthcheck"]["test"]
        assert how == "CMD"
        return self.containers[name].run(words) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        with contextlib.ExitStack() as stack:
            for container in self.containers.values():
                stack.callback(container.kill)
        self.place.remove()
