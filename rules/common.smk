# Check the config, and define what all stages share. The functions in `wiring` compute what rules need from the config.

import os

from mimic_core.config import wiring
from mimic_core.config.wiring import TASKS, as_it_is, as_json, gpus, memory, minutes, task_names, untracked
from mimic_core.kit.errors import MimicError
from mimic_core.report import FIGURES, TABLES

os.environ.update(wiring.setup.let_jobs_find(BASE, os.environ))

SCRIPTS = BASE / "workflow_scripts"
START = wiring.setup.Start(
    checkout=BASE,
    typed=workflow.config_settings.config_args or [],
    overlays=[str(file) for file in workflow.overwrite_configfiles or []],
    as_module=workflow.main_snakefile != SNAKEFILE,
)

try:
    config = START.checked(config, deployed=bool(workflow.deployment_settings.deployment_method))
except MimicError as error:
    raise WorkflowError(str(error)) from None


onstart:
    try:
        letters = max(len(" ".join(job.input)) for job in workflow.dag.jobs)
        START.check_jobs(letters, on_cluster=not workflow.local_exec)
    except MimicError as error:
        raise WorkflowError(str(error)) from None
