"""A Slurm cluster of one node on 127.0.0.1, with two GPUs that are none, for tests.

    python tests/run/slurm_cluster.py FOLDER        starts it, prints what to export, and stops it when stdin closes

Needs Debian's ``slurm-wlm`` and ``munge``, and root. Everything it makes lies in FOLDER; its daemons are ended by their
process ids.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmctldPort={port}
SlurmdPort={other}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MpiDefault=none
MinJobAge=2
KillWait=5
ReturnToService=2
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=2000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 OverTimeLimit=0
PartitionName=high Nodes={host} PriorityTier=9 PreemptMode=OFF
"""


class CannotStart(Exception):
    """There is no Slurm here, or it does not come up; the message says why."""


class SlurmCluster:
    """The daemons, from start to stop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Brings it up. Raises CannotStart."""
        missing = [name for name in ("munged", "slurmctld", "slurmd", "sbatch") if self._program(name) is None]
        if missing:
            raise CannotStart(f"{', '.join(missing)} not installed (apt-get install slurm-wlm munge)")
        if os.geteuid() != 0:
            raise CannotStart("Slurm's daemons and fake GPUs need root")
        self._write()
        try:
            key, log = self.folder / "munge.key", self.folder / "munge.log"
            names = [f"--key-file={key}", f"--socket={self.folder}/munge.socket", f"--log-file={log}"]
            names += [f"--pid-file={self.folder}/munge.pid", f"--seed-file={self.folder}/munge.seed"]
            self._daemon("munged", "--foreground", "--force", *names)
            self._wait(lambda: (self.folder / "munge.socket").exists(), "munged")
            self._daemon("slurmctld", "-D", "-c", "-f", str(self.folder / "slurm.conf"))
            self._daemon("slurmd", "-D", "-f", str(self.folder / "slurm.conf"), "-N", socket.gethostname())
            self._wait(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%t"), "the node")
        except CannotStart:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends its daemons, the last first."""
        if self._daemons:
            self.ask("scancel", "--full", "--user=root")
        for daemon in reversed(self._daemons):
            daemon.terminate()
        for daemon in self._daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self._daemons = []

    def ask(self, *command: str) -> str:
        """What one of Slurm's programs prints."""
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **self.environment}, timeout=60
        )
        return done.stdout

    @staticmethod
    def _program(name: str) -> str | None:
        return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

    def _write(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        self.folder.chmod(0o755)
        ports: list[int] = []
        for _ in range(2):
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                ports.append(probe.getsockname()[1])
        host = socket.gethostname()
        text = CONF.format(folder=self.folder, host=host, port=ports[0], other=ports[1])
        (self.folder / "slurm.conf").write_text(text)
        lines = []
        for number in range(2):  # plain files would leave CUDA_VISIBLE_DEVICES empty
            device = self.folder / f"gpu{number}"
            try:
                os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, 3))
            except OSError as error:
                raise CannotStart(f"no device node can be made ({error})") from error
            lines.append(f"NodeName={host} Name=gpu File={device}")
        (self.folder / "gres.conf").write_text("\n".join(lines) + "\n")
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)

    def _daemon(self, name: str, *arguments: str) -> None:
        program = self._program(name)
        assert program is not None
        with open(self.folder / f"{name}.out", "wb") as output:
            daemon = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
            )
        self._daemons.append(daemon)

    def _wait(self, condition: object, what: str, seconds: float = 40) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if callable(condition) and condition():
                return
            if any(daemon.poll() is not None for daemon in self._daemons):
                break
            time.sleep(0.1)
        said = [path.read_text(errors="replace")[-500:] for path in self.folder.glob("*.out")]
        raise CannotStart(f"{what} did not come up: {' '.join(said)}")


if __name__ == "__main__":
    cluster = SlurmCluster(Path(sys.argv[1]).resolve())
    cluster.start()
    try:
        print("\n".join(f"export {name}={value}" for name, value in cluster.environment.items()), flush=True)
        sys.stdin.read()
    finally:
        cluster.stop()
