"""A sweep on a cluster: the store says what is done, the same command is the resume, and nothing is handed in twice."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blogkit.config import find_cluster, load_project, load_site
from blogkit.errors import ConfigError
from blogkit.model import Cluster, Project, RunStatus
from blogkit.run.cluster import NOT_HANDED_IN, cancel_jobs, clusters_in_use, execute_on_cluster, open_queue
from blogkit.run.execute import RunEvent, StopRequest, UserNote
from blogkit.run.plan import plan_runs
from blogkit.run.status import RunPhase, read_status
from blogkit.store import ProjectPaths, stored_ids, to_json
from blogkit.tools.slurm import QueueFull
from tests.files import site_tree, write_project, write_tree
from tests.run.slurm_cluster import CannotStart, SlurmCluster

CELLS = (("parameters", "seed = 0"), "from blogkit import record\nrecord.metric('error', seed)")


# --- the loop, with a queue that is a dict --------------------------------------------------------------------------


class FakeQueue:
    """Holds jobs until they are asked to end."""

    def __init__(self, project: Project, limit: int = 99) -> None:
        self.project, self.limit = project, limit
        self.live: dict[str, tuple[str, str]] = {}
        self.submitted: list[str] = []
        self.on_look: Callable[[], None] = lambda: None

    def submit(self, project: str, run_id: str, number: int, call: Any, *arguments: Any) -> str:
        if len(self.live) >= self.limit:
            raise QueueFull("QOSMaxSubmitJobPerUserLimit")
        self.submitted.append(run_id)
        self.live[run_id] = (str(len(self.submitted)), "pending")
        return str(len(self.submitted))

    def jobs(self) -> dict[str, tuple[str, str]] | None:
        self.on_look()
        return dict(self.live)

    def cancel(self, job_ids: Any) -> None:
        self.live = {run: job for run, job in self.live.items() if job[0] not in job_ids}

    def close(self) -> None:
        """Nothing is held."""

    def finish(self, run_id: str, status: str = "done") -> None:
        """What a job leaves in the store."""
        self.live.pop(run_id)
        paths = ProjectPaths.of(self.project)
        folder = (paths.runs if status == "done" else paths.failed) / run_id
        folder.mkdir(parents=True)
        record = {"id": run_id, "status": status, "seconds": 2.0, "reason": "boom", "cell": 3}
        (folder / "run.json").write_text(to_json(record))

    def finish_one(self) -> None:
        if self.live:
            self.finish(next(iter(self.live)))


def sweep(project: Project, queue: FakeQueue, **how: Any) -> Any:
    cluster = Cluster(engine="slurm", name="test", grace=how.pop("grace", 0.0), max_queued=how.pop("max_queued", None))
    return execute_on_cluster(project, plan_runs(project), cluster, queue, poll=0.01, **how)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load_project(write_project(tmp_path, "seeds: 5", *CELLS))


def test_a_detached_sweep_is_taken_up_again_and_only_what_is_missing_is_handed_in(project: Project) -> None:
    queue = FakeQueue(project)
    assert {result.status for result in sweep(project, queue, detach=True)} == {RunStatus.NOT_STARTED}
    assert len(queue.submitted) == 5 and clusters_in_use(project) == ("test",)
    queue.finish_one()
    queue.on_look = queue.finish_one
    results = sweep(project, queue)
    assert [result.status for result in results] == [RunStatus.DONE] * 5
    assert len(queue.submitted) == 5 and clusters_in_use(project) == ()


def test_the_queue_never_holds_more_than_it_may(project: Project) -> None:
    for limit in ({"max_queued": 2}, {}):
        queue = FakeQueue(project, limit=2)
        most = 0

        def look(queue: FakeQueue = queue) -> None:
            nonlocal most
            most = max(most, len(queue.live))
            queue.finish_one()

        queue.on_look = look
        events: list[RunEvent] = []
        results = sweep(project, queue, on_event=events.append, **limit)
        assert [result.status for result in results] == [RunStatus.DONE] * 5
        assert most <= 2
        assert sum(isinstance(event, UserNote) for event in events) == (0 if limit else 1)
        subprocess.run(["rm", "-r", str(project.folder / "runs")], check=True)


def test_what_the_queue_did_not_take_is_kept_apart_and_jobs_that_ended_unseen_are_forgotten(project: Project) -> None:
    queue = FakeQueue(project)
    reasons = [result.reason for result in sweep(project, queue, detach=True, max_queued=2)]
    assert reasons == ["in the queue of test"] * 2 + [NOT_HANDED_IN] * 3
    folder = project.folder / "runs" / ".cluster"
    (folder / "1_0_log.out").write_text("what the job printed")
    assert clusters_in_use(project) == ("test",)
    while queue.live:
        queue.finish_one()
    assert clusters_in_use(project) == (), "nothing is asked of a cluster that has nothing of ours"
    left = [run for run in plan_runs(project) if run.id not in queue.submitted]
    cluster = Cluster(engine="slurm", name="test", grace=0.0)
    execute_on_cluster(project, left, cluster, queue, poll=0.01, detach=True)
    assert not (folder / "1_0_log.out").exists() and len(list(folder.glob("*.json"))) == 3
    assert cancel_jobs(project, left, queue) == 3 and not list(folder.iterdir())


def test_a_job_that_is_gone_without_a_result_is_lost_after_the_grace_period_and_handed_in_again_later(
    project: Project,
) -> None:
    queue = FakeQueue(project)
    sweep(project, queue, detach=True)
    queue.live.pop(queue.submitted[0])
    stop = StopRequest()
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks > 3:
            stop.soon.set()

    queue.on_look = look
    assert sweep(project, queue, grace=60, stop=stop)[0].status is RunStatus.NOT_STARTED
    lost = sweep(project, queue, stop=StopRequest(), detach=True)[0]
    assert sweep(project, queue, detach=True)[0].status is RunStatus.NOT_STARTED
    assert lost.status is RunStatus.DIED and "gone from the queue without a result" in lost.reason
    assert queue.submitted.count(queue.submitted[0]) == 2


def test_a_failure_of_a_job_is_reported_and_an_old_failure_is_not_mistaken_for_it(project: Project) -> None:
    queue = FakeQueue(project)
    first = plan_runs(project)[0].id
    queue.live[first] = ("0", "running")
    queue.finish(first, "failed")
    old = ProjectPaths.of(project).failed / first / "run.json"
    os.utime(old, (1, 1))
    sweep(project, queue, detach=True)
    assert first in queue.submitted
    subprocess.run(["rm", "-r", str(old.parent)], check=True)
    queue.finish(first, "failed")
    result = sweep(project, queue, detach=True)[0]
    assert (result.status, result.reason, result.cell) == (RunStatus.FAILED, "boom", 3)


def test_an_engine_that_does_not_answer_for_a_moment_loses_nothing(project: Project) -> None:
    queue = FakeQueue(project)
    answers: Iterator[Any] = iter([None, {}, None])
    real = queue.jobs

    def jobs() -> Any:
        queue.on_look = queue.finish_one
        return next(answers, real())

    queue.jobs = jobs  # type: ignore[method-assign]
    assert [result.status for result in sweep(project, queue)] == [RunStatus.DONE] * 5
    assert len(queue.submitted) == 5


def test_jobs_are_taken_back_and_status_shows_where_they_stand(project: Project) -> None:
    queue = FakeQueue(project)
    sweep(project, queue, detach=True)
    queue.live[queue.submitted[0]] = ("1", "running")
    states = read_status(project, plan_runs(project), queue.jobs())
    assert (states.count(RunPhase.RUNNING), states.count(RunPhase.QUEUED)) == (1, 4)
    assert cancel_jobs(project, plan_runs(project), queue) == 5
    assert queue.live == {} and clusters_in_use(project) == ()


def test_a_profile_is_the_sites_or_the_users_and_a_misspelt_key_is_reported_with_its_line(
    tmp_path: Path, own_home: Path
) -> None:
    quarto = "project: {type: website}\nblogkit:\n  clusters:\n    box:\n      engine: slurm\n      partiton: gpu\n"
    site = load_site(write_tree(tmp_path, site_tree({}, quarto)))
    with pytest.raises(ConfigError, match=r"_quarto.yml:6: .*partiton(.|\n)*partition"):
        find_cluster(site, "box")
    (own_home / "blogkit").mkdir()
    (own_home / "blogkit" / "clusters.toml").write_text('[mine]\nengine = "slurm"\nmax_queued = 4\n')
    assert find_cluster(site, "mine") == Cluster(engine="slurm", name="mine", max_queued=4)
    with pytest.raises(ConfigError, match="Did you mean 'mine'"):
        find_cluster(site, "mien")


# --- real Slurm -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
    except CannotStart as reason:
        pytest.skip(f"Slurm cannot start here: {reason}")
    before = {name: os.environ.get(name) for name in cluster.environment}
    os.environ.update(cluster.environment)
    try:
        yield cluster
    finally:
        cluster.stop()
        for name, text in before.items():
            os.environ.pop(name) if text is None else os.environ.update({name: text})


def make(root: Path, sweep_text: str, *cells: Any) -> Project:
    return load_project(write_project(root, sweep_text, ("parameters", "seed = 0"), *cells))


def on_slurm(project: Project, **how: Any) -> Any:
    names = {"minutes": 2, "grace": 8.0, "memory": "100", "partition": "low", **how.pop("profile", {})}
    cluster = Cluster(engine="slurm", name="test", **names)
    return execute_on_cluster(project, plan_runs(project), cluster, open_queue(cluster, project), poll=0.3, **how)


def wait_until(condition: Callable[[], Any], seconds: float = 90) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def job_ids(slurm: SlurmCluster) -> list[str]:
    return slurm.ask("squeue", "--noheader", "--format=%i").split()


real = [
    pytest.mark.xdist_group("slurm"),
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="Slurm runs on Linux"),
]


class TestSlurm:
    """With the real thing: one node, two GPUs that are none."""

    pytestmark = real

    def test_runs_are_stored_and_each_sees_a_gpu_of_its_own(self, slurm: SlurmCluster, tmp_path: Path) -> None:
        code = (
            "import fcntl, os, time\ngpu = os.environ['CUDA_VISIBLE_DEVICES']\nprint(gpu)\n"
            "with open(f'../gpu-{gpu}.lock', 'w') as lock:\n"
            "    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)\n    time.sleep(4)"
        )
        project = make(tmp_path, "seeds: 3", code, *CELLS[1:])
        results = on_slurm(project, profile={"gres": "gpu:1"})
        assert [result.status for result in results] == [RunStatus.DONE] * 3, results
        assert {(result.folder / "log.txt").read_text() for result in results} == {"0\n", "1\n"}
        assert not list((project.folder / "runs" / ".cluster").glob(".submission_file_*"))

    def test_a_driver_that_is_killed_is_taken_up_again_with_nothing_resubmitted(
        self, slurm: SlurmCluster, tmp_path: Path
    ) -> None:
        quarto = (
            "project: {type: website}\nblogkit:\n  clusters:\n    box: {engine: slurm, minutes: 2, memory: '100', "
            "partition: low, grace: 8}\n"
        )
        project = make(tmp_path, "seeds: 2", "import time\nopen(f'../p/begun-{seed}', 'a').write('x')\ntime.sleep(6)")
        (tmp_path / "_quarto.yml").write_text(quarto)
        command = [sys.executable, "-m", "blogkit", "run", "--on", "box"]
        driver = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: (project.folder / "begun-0").exists())
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        shown = subprocess.run(
            [sys.executable, "-m", "blogkit", "status"], cwd=tmp_path, capture_output=True, text=True
        )
        assert "running" in shown.stdout, shown
        again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert again.returncode == 0, again
        assert [(project.folder / f"begun-{seed}").read_text() for seed in (0, 1)] == ["x", "x"]
        assert len(stored_ids(ProjectPaths.of(project))) == 2

    def test_a_task_that_is_killed_is_noticed_without_accounting(self, slurm: SlurmCluster, tmp_path: Path) -> None:
        kill = "import os\npid = os.getppid()\nfor _ in range(3):\n"
        kill += (
            "    words = open(f'/proc/{pid}/cmdline').read()\n    if 'submitit' in words:\n        os.kill(pid, 9)\n"
        )
        kill += "    pid = int(open(f'/proc/{pid}/stat').read().rpartition(')')[2].split()[1])\n"
        project = make(tmp_path, "", kill + "import time\ntime.sleep(60)")
        (result,) = on_slurm(project)
        assert result.status is RunStatus.DIED and "gone from the queue" in result.reason

    def test_a_job_at_its_time_limit_is_a_result_with_that_reason(self, slurm: SlurmCluster, tmp_path: Path) -> None:
        project = make(tmp_path, "", "import time\nprint('begun', flush=True)\ntime.sleep(300)")
        (result,) = on_slurm(project, profile={"minutes": 1})
        assert result.status is RunStatus.TIMED_OUT, result
        assert "the cluster's time limit of 1 min" in result.reason
        notebook = json.loads((result.folder / "notebook.ipynb").read_text())
        # Slurm may warn up to a minute early, so the run may be stopped before its last cell or in it.
        assert notebook["cells"][-1]["metadata"]["papermill"]["status"] in {"failed", "pending"}

    def test_a_preempted_run_is_requeued_and_stored_once(self, slurm: SlurmCluster, tmp_path: Path) -> None:
        code = "import time\nwith open('../p/tries', 'a') as tries:\n    tries.write('x')\ntime.sleep(6)"
        project = make(tmp_path, "", code)
        profile = {"options": {"exclusive": True}}
        assert on_slurm(project, detach=True, profile=profile)[0].status is RunStatus.NOT_STARTED
        tries = project.folder / "tries"
        assert wait_until(lambda: tries.exists() and tries.read_text() == "x")
        slurm.ask("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap", "sleep 3")
        (job,) = json.loads(next((project.folder / "runs" / ".cluster").glob("*.json")).read_text())["job"].split()

        def begun_again() -> bool:
            slurm.ask("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm would wait for two minutes
            return tries.read_text() == "xx"

        assert wait_until(begun_again, 150)
        (result,) = on_slurm(project, profile=profile)
        assert result.status is RunStatus.DONE and tries.read_text() == "xx"
        assert not list((project.folder / "runs" / ".failed").glob("*"))

    def test_cancelled_jobs_leave_the_queue_and_no_failure(self, slurm: SlurmCluster, tmp_path: Path) -> None:
        project = make(tmp_path, "seeds: 2", "import time\nopen('../p/begun', 'w')\ntime.sleep(90)")
        on_slurm(project, detach=True)
        assert wait_until(lambda: (project.folder / "begun").exists())
        cluster = Cluster(engine="slurm", name="test")
        assert cancel_jobs(project, plan_runs(project), open_queue(cluster, project)) == 2
        assert wait_until(lambda: not job_ids(slurm))
        assert not list((project.folder / "runs" / ".failed").glob("*"))

    def test_a_submit_limit_is_waited_out(self, slurm: SlurmCluster, tmp_path: Path, monkeypatch: Any) -> None:
        """The real sbatch, behind a door that says what Slurm says when a user has two jobs already."""
        door = tmp_path / "bin" / "sbatch"
        door.parent.mkdir()
        real_sbatch = subprocess.run(["which", "sbatch"], capture_output=True, text=True).stdout.strip()
        door.write_text(
            "#!/bin/sh\nif [ $(squeue --noheader --states=PD,R | wc -l) -ge 2 ]; then\n"
            "  echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2\n  exit 1\nfi\n"
            f'exec {real_sbatch} "$@"\n'
        )
        door.chmod(0o755)
        monkeypatch.setenv("PATH", f"{door.parent}:{os.environ['PATH']}")
        project = make(tmp_path, "seeds: 4", *CELLS[1:])
        events: list[RunEvent] = []
        results = on_slurm(project, on_event=events.append)
        assert [result.status for result in results] == [RunStatus.DONE] * 4, results
        assert sum(isinstance(event, UserNote) for event in events) == 1


# --- dask -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_dask_scheduler_does_the_same(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    address_file = tmp_path / "scheduler.json"
    base = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = ["--scheduler-file", str(address_file)]
    made = [
        subprocess.Popen([*base, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *options], **quiet),
        subprocess.Popen([*worker, "--nthreads", "2", "--no-nanny", "--no-dashboard", *options], **quiet, cwd=tmp_path),
    ]
    try:
        assert wait_until(lambda: address_file.exists())
        project = make(tmp_path, "seeds: 3", *CELLS[1:])
        cluster = Cluster(engine="dask", name="lab", address=json.loads(address_file.read_text())["address"], grace=5)
        with contextlib.closing(open_queue(cluster, project)) as queue:
            results = execute_on_cluster(project, plan_runs(project), cluster, queue, poll=0.2)
        assert [result.status for result in results] == [RunStatus.DONE] * 3, results
    finally:
        # The worker says good-bye to the scheduler, so it goes first. That it leaves in time is dask's affair.
        for process in reversed(made):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
