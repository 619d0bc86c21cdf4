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
    "collect-unjudged": "collect unjudged pairs",
    "collect-clicks": "collect judgements from clicks",
    "train-student": "train plain student",
    "train-student-2": "distil student (LRKD)",
    "package-student": "package plain student",
    "package-student-2": "package LRKD student",
    "predict-split": "score baseline",
    "predict-split-2": "score plain student",
    "predict-split-3": "score LRKD student",
    "plan-labels": "plan teacher's labels",
    "generate-rationales-6": "label held-out pairs",
    "qualify-labels": "qualify teacher's labels",
    "generate-rationales-7": "ask for labels",
    "gather-rationales-3": "gather labels",
    "permit-teacher-2": "permit teacher's labels",
    "label-unjudged": "label unjudged pairs",
    "qualify-clicks": "qualify labels from clicks",
    "add-click-labels": "add labels from clicks",
    "choose-student": "choose candidate",
    "fine-tune": "fine-tune teacher (SFT)",
    "optimise-preferences": "optimise teacher (DPO)",
}
