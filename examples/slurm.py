"""An audit on a SLURM cluster, through dask-jobqueue: every job is one worker with one GPU.

Install once, on a disk that all nodes see, and keep specs, checkpoints and reports on such a disk too:

    pip install 'robustness-auditor[cluster]' dask-jobqueue
    python examples/slurm.py specs

Certificates are Dask's settings (README, "Wide"); jobs inherit them from the environment that this is started in.
"""

import os
import subprocess
import sys

from dask_jobqueue import SLURMCluster
from distributed.security import Security

JOBS = 8


def cluster() -> SLURMCluster:
    """The scheduler, in this process; adapt partition, sizes and network to yours."""
    return SLURMCluster(
        queue="gpu",
        job_extra_directives=["--gres=gpu:1"],
        cores=4,
        processes=1,
        memory="16GB",
        walltime="02:00:00",
        # One block at a time in each worker, which leaves in good time before its job is ended.
        worker_extra_args=["--nthreads", "1", "--resources", "GPU=1", "--lifetime", "110m", "--lifetime-stagger", "5m"],
        interface="ib0",
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
        protocol="tls://",
        security=Security(),
    )


def main() -> int:
    """Audit the specs named on the command line; gives the auditor's exit code."""
    with cluster() as started:
        started.scale(jobs=JOBS)
        where = ["--audit-engine", "dask", "--audit-scheduler", started.scheduler_address, "--audit-gpu"]
        # Jobs may be queued for long before the first worker is there.
        patient = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": "12h"}
        command = [sys.executable, "-m", "auditor", "run", *sys.argv[1:], *where]
        return subprocess.run(command, env=patient, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
