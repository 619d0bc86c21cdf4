"""What each task is called: on the laptop, in the report and in Kubeflow's pages."""


def title(task: str) -> str:
    """Return a task's name as people read it."""
    return TITLES.get(task, task.replace("-", " "))


TITLES = {
    "generate-rationales": "sample rationales",
    "gather-rationales": "gather samples",
    "generate-rationales-2": "judge teacher before tuning",
    "generate-rationales-3": "judge teacher after SFT",
    "generate-rationales-4": "judge teacher after DPO",
    "generate-rationales-5": "write final rationales",
    "gather-rationales-2": "gather final rationales",
    "train-student": "distil student (LRKD)",
    "train-student-2": "train plain student",
    "package-student": "package LRKD student",
    "package-student-2": "package plain student",
    "predict-split": "score baseline",
    "predict-split-2": "score LRKD student",
    "predict-split-3": "score plain student",
    "choose-student": "choose candidate",
    "fine-tune": "fine-tune teacher (SFT)",
    "optimise-preferences": "optimise teacher (DPO)",
}
